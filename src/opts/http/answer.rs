//! What is taken for the answer, and what of it is written.

use clap::Args;

/// `-i --raw-head --fail -L --no-follow --max-redirects --allow-downgrade`.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Response")]
#[allow(clippy::struct_excessive_bools, reason = "one flag of the command line each")]
pub struct AnswerArgs {
    /// Write the head of each response, as received, before the body
    #[arg(short = 'i', long, conflicts_with_all = ["raw_head", "head"])]
    include: bool,
    /// Write the exact bytes of each head, and no body
    #[arg(long, conflicts_with = "head")]
    raw_head: bool,
    /// Exit with 22, without the body, when the status is 400 or more
    #[arg(long)]
    fail: bool,
    /// Follow redirects; this is the default
    #[arg(short = 'L', long)]
    follow: bool,
    /// Take a redirect for the answer
    #[arg(long, conflicts_with_all = ["follow", "max_redirects"])]
    no_follow: bool,
    /// Follow this many redirects; with 0, a redirect is the answer
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_redirects: u16,
    /// Follow redirects from https to http too: what comes then anybody on the way can read and change
    #[arg(long, conflicts_with = "no_follow")]
    allow_downgrade: bool,
}

impl AnswerArgs {
    /// Whether heads are written.
    pub fn shows_heads(&self) -> bool {
        self.include || self.raw_head
    }

    /// Whether the body is taken.
    pub fn takes_body(&self) -> bool {
        !self.raw_head
    }

    /// Whether a status of 400 or more is a failure.
    pub fn fails(&self) -> bool {
        self.fail
    }

    /// Whether a redirect may lead from https to http.
    pub fn may_downgrade(&self) -> bool {
        self.allow_downgrade
    }

    /// How many redirects are followed; with none, a redirect is the answer.
    pub fn max_redirects(&self) -> u16 {
        if self.no_follow { 0 } else { self.max_redirects }
    }
}
