"""The facts of docs/fidelity.md as steps that a real account confirms or contradicts (ADR 0150)."""
