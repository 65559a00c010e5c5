"""What measures speed and memory; not run by the tests."""
