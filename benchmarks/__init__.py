"""Benchmarks of the memory and time of HRNet against other networks and libraries."""
