//! Window → feature vector. Pure.
