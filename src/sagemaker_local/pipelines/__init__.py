"""SageMaker Pipelines: definitions are kept, and a runner that the program brings runs them."""
