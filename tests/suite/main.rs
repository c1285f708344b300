//! The tests with the real binary, one module for each thing that users were promised.
//!
//! One program and not one for each: it is linked once, and while one test waits another works.

mod account;
mod batches;
mod chat;
mod check;
mod connect_proxy;
mod connecting;
mod courses;
mod dialogue;
mod echo;
mod endings;
mod examples;
mod generated;
mod get;
mod get_bodies;
mod get_credentials;
mod get_files;
mod get_glass;
mod get_like_curl;
mod get_limits;
mod get_malformed;
mod get_outcomes;
mod get_proxy;
mod get_requests;
mod get_resume;
#[cfg(feature = "tls")]
mod get_secrets;
mod get_servers;
mod get_timing;
#[cfg(feature = "tls")]
mod get_tls;
mod interop;
mod keep_open;
mod listening;
mod multicast;
mod observers;
mod output_file;
mod partner;
mod paths;
mod ping;
mod probes;
mod receiving;
mod sessions;
mod starttls;
mod streams;
mod support;
mod tidy;
#[cfg(feature = "tls")]
mod tls_client;
mod tls_interop;
mod tls_server;
mod torture;
mod udp;
mod verdicts;
