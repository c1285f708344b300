//! How fast datagrams leave.

use std::num::NonZeroU64;

use clap::{ArgGroup, Args};

use super::values::rate;
use crate::serve::pace::Pacing;

/// The group of the options of which one must be there for a burst to mean something.
pub const PACED: &str = "paced";

/// `--rate`, `--pps`, `--burst`.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Pace", group = ArgGroup::new(PACED).args(["rate", "pps"]).multiple(true))]
pub struct PaceArgs {
    /// Send at most N bytes of payload a second, such as 500k or 10M, evenly
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<NonZeroU64>,
    /// Send at most N datagrams a second, evenly
    #[arg(long, value_name = "N")]
    pps: Option<NonZeroU64>,
    /// Let N datagrams leave at once, with as long a pause after them [1]
    #[arg(long, value_name = "N", requires = PACED)]
    burst: Option<NonZeroU64>,
}

impl PaceArgs {
    /// The pace that is asked for.
    pub fn pacing(&self) -> Option<Pacing> {
        let burst = self.burst.unwrap_or(NonZeroU64::MIN);
        let is_paced = self.rate.is_some() || self.pps.is_some();
        is_paced.then_some(Pacing { rate: self.rate, pps: self.pps, burst })
    }
}
