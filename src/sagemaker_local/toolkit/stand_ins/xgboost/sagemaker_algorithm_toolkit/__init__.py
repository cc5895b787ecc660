"""A stand-in for the errors of AWS's XGBoost image."""
