"""A new pipeline from a training script: `project` reads the files, `pipeline` writes the document.

The script stays as it is. One that knows nothing of SageMaker runs through templates/new/sagemaker_entry.py.
"""
