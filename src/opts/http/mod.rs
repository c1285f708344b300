//! What `get` asks, whom it connects to for that, and which answers it takes.
//!
//! Owns spelling, help text and conversion of the options of HTTP. Refuses to open anything.

mod answer;
mod credentials;
mod files;
mod glass;
mod judge;
mod proxy;
mod request;
mod route;

pub use answer::AnswerArgs;
pub use credentials::{Condition, Cookie, CredentialArgs, Login, Since};
pub use files::{FileArgs, Files, Place};
pub use glass::GlassArgs;
pub use judge::{JudgeArgs, Statuses};
pub use proxy::ProxyArgs;
pub use request::{Data, RequestArgs};
pub use route::RouteArgs;
