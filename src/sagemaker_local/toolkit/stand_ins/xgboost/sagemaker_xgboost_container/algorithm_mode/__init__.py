"""XGBoost without a script: AWS's built-in algorithm."""
