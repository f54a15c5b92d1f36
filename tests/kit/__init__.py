"""Helpers of the tests, the folder of the checkout, and the longest wait of a test."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
HANG = 600  # seconds: what takes that long hangs, on however slow and busy a machine
