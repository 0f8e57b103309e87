//! What the kernel says of its control groups.
