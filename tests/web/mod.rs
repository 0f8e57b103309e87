//! The HTTP server as its clients see it: every test talks to a real socket.

mod auth;
mod limits;
mod pages;
