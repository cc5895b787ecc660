"""Rules between the fields of SageMaker requests, which AWS checks and botocore's models do not have.

The planner and the local SageMaker use the same table, `table.RULES`. This package imports only the standard
library.
"""
