"""A stand-in for the package of AWS's XGBoost images: reading data, and serving.

Source: aws/sagemaker-xgboost-container, tags v1.5-1 to v3.0-5. It has no data pipes and no
RecordIO: both need ML-IO, which is in no package index.
"""
