//! What holds for several policies together.

mod horizontal;
mod seed5;
