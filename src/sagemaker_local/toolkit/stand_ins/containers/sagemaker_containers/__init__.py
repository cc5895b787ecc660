"""A stand-in for sagemaker-containers 2.8.6, which AWS's scikit-learn and XGBoost images have."""


def training_env() -> object:
    """The settings of the training job."""
    from sagemaker_containers import _env

    return _env.TrainingEnv()
