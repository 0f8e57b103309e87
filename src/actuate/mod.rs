//! Decision → changed world, read back and verified: one file an actuator.
