"""Plots, pictures and numbers in words, all from plain values."""

from __future__ import annotations
