//! What `get` asks, whom it connects to for that, and which answers it takes.
//!
//! Owns spelling, help text and conversion of the options of HTTP. Refuses to open anything.

mod answer;
mod judge;
mod request;
mod route;

pub use answer::AnswerArgs;
pub use judge::{JudgeArgs, Statuses};
pub use request::{Data, RequestArgs};
pub use route::RouteArgs;
