"""Instance types with local storage, which a hardware module encrypts.

AWS rejects a key for their volumes (ResourceConfig, VolumeKmsKeyId, SageMaker API reference; the types:
"Instance store volumes", EC2 user guide).
"""

from __future__ import annotations

from fnmatch import fnmatchcase

FAMILIES = (
    *("c5d", "c6gd", "m5d", "m6gd", "r5d", "r6gd", "r7gd", "dl1", "g4dn", "g5", "g6", "g6e", "g7", "g7e"),
    *("p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200"),
    *("trn1", "trn1n", "trn2"),
)
PATTERNS = tuple(f"ml.{family}.*" for family in FAMILIES)


def has_local_storage(instance_type: str) -> bool:
    """Return whether an instance type encrypts its storage itself."""
    return any(fnmatchcase(instance_type, pattern) for pattern in PATTERNS)
