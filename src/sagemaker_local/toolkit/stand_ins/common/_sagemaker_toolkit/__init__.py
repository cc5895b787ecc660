"""What the stand-ins of AWS's toolkits share.

The stand-ins have the names of AWS's packages and do what scripts use them for. They replace packages of
AWS's images that a laptop cannot install: they need a C compiler, or are in no package index.
Sources: aws/sagemaker-training-toolkit 5.1, aws/sagemaker-containers 2.8.6.post2 and
aws/sagemaker-inference-toolkit 1.10 on GitHub.

They run in the job's own Python (3.8 or newer), and are the last entries of its sys.path: a package that is
installed comes first.
"""
