//! How scripts learn the address that a listener really has.

use std::os::fd::RawFd;
use std::path::PathBuf;

use clap::Args;

/// `--ready-fd`, `--port-file`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "For scripts")]
pub struct AnnounceArgs {
    /// Write the address to this open descriptor, and close it, once clients can come
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub ready_fd: Option<RawFd>,
    /// Write the port (the address of a UNIX socket) to FILE once clients can come
    #[arg(long, value_name = "FILE")]
    pub port_file: Option<PathBuf>,
}
