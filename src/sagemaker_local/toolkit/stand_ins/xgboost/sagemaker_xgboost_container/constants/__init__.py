"""Constants of the image."""
