//! OS2nykode: self-service password change for Active Directory.
//!
//! Data flows one way: http → flow → {directory, identity, people, audit, store} → model. See docs/architecture.md.

// Code that unit tests share with the benches names this crate `os2nykode`.
#[cfg(test)]
extern crate self as os2nykode;

pub mod admin;
pub mod app;
pub mod audit;
pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod directory;
pub mod flow;
pub mod forward;
pub mod http;
pub mod http_client;
pub mod identity;
pub mod jobs;
pub mod leaked;
pub mod limits;
pub mod model;
pub mod operator_file;
pub mod registers;
pub mod serve;
pub mod store;
pub mod tcp;
pub mod telemetry;
pub mod tls;
