"""A stand-in for sagemaker-training 5.1, which AWS's framework images have."""
