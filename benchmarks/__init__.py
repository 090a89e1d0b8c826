"""Memory and time of HRNet, beside other networks and beside other HRNets."""
