"""A provider in Python, so that Terraform can be tried without AWS, registry or network.

`serve.py` runs in its own Python (tests/terraform/requirements/terraform.txt). `schema.json` is the schema
of hashicorp/aws 6.69.1 for the types that we use, in the form of `terraform providers schema -json`;
`extract.py` made it from the generated bindings in the package cdktn-provider-aws 25.8.1 (MPL-2.0, as the
provider is).
"""
