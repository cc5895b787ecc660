"""Framework code of AWS's images."""
