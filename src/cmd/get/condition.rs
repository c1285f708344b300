//! Of what time the resource has to be, as a header line (RFC 9110 §13.1.3, §13.1.4).
//!
//! Owns looking at the file that the time may be that of. Refuses to read it.

use std::io;

use crate::error::{Error, Kind};
use crate::net::Context;
use crate::opts::http::{Condition, Since};
use crate::proto::http::Header;
use crate::proto::http::date::HttpDate;

/// The header line of `condition`; `None` where the file that it is about is not there yet: then there is nothing to
/// keep. To be called before the output is opened, which may make that file.
pub(super) fn header(ctx: &Context<'_>, condition: &Condition) -> Result<Option<Header>, Error> {
    let date = match &condition.since {
        Since::Date(date) => *date,
        Since::File(path) => match path.metadata().and_then(|found| found.modified()) {
            Ok(written) => HttpDate::from(written),
            Err(e) if e.kind() == io::ErrorKind::NotFound && !condition.unmodified => {
                let path = path.display();
                ctx.warn(format_args!("--time-cond: {path} is no date and no file that is there: all is asked for"));
                return Ok(None);
            }
            Err(e) => return Err(Error::io(Kind::ReadLocal, "--time-cond", path.display(), &e)),
        },
    };
    Header::of(condition.field(), &date.to_string()).map(Some).map_err(Error::usage)
}
