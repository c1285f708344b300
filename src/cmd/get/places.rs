//! Where the bodies of a run go: standard output, or files that get their names once they are whole.
//!
//! Owns what is asked for of each (RFC 9110 §14), whether an answer gives that, and what becomes of a file when it does
//! not. Refuses to ask, and to move bytes.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

use super::plan::Plan;
use crate::error::{Error, Kind};
use crate::event::{Event, Http};
use crate::net::Context;
use crate::opts::http::{Files, Place as Named};
use crate::proto::escape;
use crate::proto::http::date::HttpDate;
use crate::proto::http::range::{ContentRange, Range, Ranges, Resumed, if_range, resumed};
use crate::proto::http::{Header, HttpError, ResponseHead};
use crate::relay::{self, Delivery};
use crate::report::Voice;
use crate::report::bar::{Bar, Span, When};
use crate::stream::Stream;
use crate::stream::part::{Destination, PartFile, Rights};
use crate::stream::stdio::{Input, Output, Stdio};
use crate::sys::fd::{self, FdKind};

/// The remembered word of a file that no other run can take up.
const NOT_TO_BE_CONTINUED: &[u8] = b"";

/// The places of a run: one for all URLs, or one each.
pub(super) struct Places<'a> {
    ctx: &'a Context<'a>,
    all: Vec<Place<'a>>,
    urls: usize,
    turn: usize,
}

/// The place of a body.
pub(super) struct Place<'a> {
    pub(super) output: Delivery<'a>,
    pub(super) kept: Kept,
    /// It ends with the run, and not with its body.
    is_stdout: bool,
}

/// What a place knows of its file, and of what is asked for.
pub(super) struct Kept {
    file: Option<PartFile>,
    wanted: Wanted,
    /// Nothing but the body of one GET goes there, so that its rest can be asked for.
    is_plain: bool,
    course: Course,
    /// A later run can take the file up.
    is_resumable: bool,
    /// The size that the whole will have, where the rest of it was asked for.
    complete: Option<u64>,
    /// For people, where there are several.
    name: Option<String>,
}

/// What has become of the body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Open,
    /// It has come: what fails after that is a judgement on the answer.
    Whole,
    /// There is none, since what is there is still right (RFC 9110 §15.4.5).
    Spared,
}

/// What is asked for.
enum Wanted {
    Whole,
    Ranges(Ranges),
    /// All behind so many bytes, of this version of the resource if one was remembered.
    Rest(u64, Option<String>),
}

/// An answer whose head has come.
#[derive(Clone, Copy)]
pub(super) struct Answer<'h> {
    /// Of which URL, for people.
    pub(super) url: &'h str,
    pub(super) head: &'h ResponseHead,
    /// Of the body, where it was announced.
    pub(super) length: Option<u64>,
}

impl<'a> Places<'a> {
    /// Opens all of them, before anybody is connected to.
    pub(super) fn open(ctx: &'a Context<'a>, plan: &Plan) -> Result<Self, Error> {
        let all = plan.files.places.iter().map(|place| Place::open(ctx, plan, place)).collect::<Result<_, _>>()?;
        Ok(Places { ctx, all, urls: plan.urls.len(), turn: 0 })
    }

    /// One that takes everything and keeps nothing.
    pub(super) fn nowhere(ctx: &'a Context<'a>, plan: &Plan) -> Result<Self, Error> {
        let local = Stdio::open(Input::Nothing, Output::Discard)?;
        let output = Delivery::new(ctx, Stream::Stdio(local), plan.limits.idle);
        let place = Place { output, kept: Kept::new(plan), is_stdout: true };
        Ok(Places { ctx, all: vec![place], urls: plan.urls.len(), turn: 0 })
    }

    /// The place of the `n`th URL.
    pub(super) fn turn(&mut self, n: usize) -> &mut Place<'a> {
        self.turn = n.min(self.all.len() - 1);
        &mut self.all[self.turn]
    }

    /// The `n`th URL is done with.
    pub(super) fn over(&mut self, n: usize) -> Result<(), Error> {
        let waits_for_more = self.all.len() < self.urls && n + 1 < self.urls;
        let place = &mut self.all[self.turn];
        if waits_for_more || place.is_stdout || place.kept.is_spared() {
            return Ok(());
        }
        place.output.end(Ok(()))?;
        place.kept.finish(self.ctx)
    }

    /// Ends a run that came to `outcome`, and gives that, with what has become of the file that was being written.
    pub(super) fn end(mut self, outcome: Result<(), Error>) -> Result<(), Error> {
        let ending = self.all.iter_mut().filter(|place| !place.kept.is_spared());
        let outcome = ending.fold(outcome, |outcome, place| place.output.end(outcome));
        let is_its_own = self.all.len() == self.urls;
        let kept = &mut self.all[self.turn].kept;
        let Err(mut error) = outcome else { return Ok(()) };
        if kept.course == Course::Whole && is_its_own {
            error = kept.finish(self.ctx).err().unwrap_or(error);
        }
        Err(kept.with_what_is_left(self.ctx, error))
    }
}

impl<'a> Place<'a> {
    fn open(ctx: &'a Context<'a>, plan: &Plan, place: &Named) -> Result<Self, Error> {
        let mut kept = Kept::new(plan);
        let output = match place {
            Named::Screen | Named::Stdout => Output::Stdout,
            Named::File(path) => {
                kept.name = (plan.files.places.len() > 1).then(|| path.display().to_string());
                kept.open(ctx, path, &plan.files)?
            }
        };
        let local = Stdio::open(Input::Nothing, output)?;
        let output = Delivery::new(ctx, Stream::Stdio(local), plan.limits.idle);
        let is_screen = *place == Named::Screen && fd::kind(fd::stdout()).is_ok_and(|kind| kind == FdKind::Terminal);
        let output = if is_screen { output.for_eyes() } else { output };
        Ok(Place { output, kept, is_stdout: !matches!(place, Named::File(_)) })
    }
}

impl Kept {
    fn new(plan: &Plan) -> Self {
        Kept {
            file: None,
            wanted: plan.files.range.clone().map_or(Wanted::Whole, Wanted::Ranges),
            is_plain: plan.is_plain_get() && plan.files.places.len() == plan.urls.len(),
            course: Course::Open,
            is_resumable: false,
            complete: None,
            name: None,
        }
    }

    fn open(&mut self, ctx: &Context<'_>, path: &Path, files: &Files) -> Result<Output, Error> {
        if let Some(parent) = path.parent().filter(|_| files.create_dirs) {
            let made = fs::create_dir_all(parent);
            made.map_err(|e| Error::io(Kind::WriteLocal, "make the directory", parent.display(), &e))?;
        }
        match Destination::open(ctx, path, Rights { force: files.force, resume: files.resume })? {
            Destination::AsItIs(file) => Ok(Output::File(file)),
            Destination::Part(file) => {
                if file.have() > 0 {
                    self.take_up(ctx, &file);
                }
                let output = file.output()?;
                self.file = Some(file);
                Ok(Output::File(output))
            }
        }
    }

    fn take_up(&mut self, ctx: &Context<'_>, file: &PartFile) {
        let validator = file.validator();
        ctx.tell(&Event::Http(Http::Continued(&file.path().display(), file.have(), validator.as_deref())));
        self.is_resumable = true;
        self.wanted = Wanted::Rest(file.have(), validator);
    }

    /// The header lines that ask for it.
    pub(super) fn headers(&self) -> Vec<Header> {
        let lines = match &self.wanted {
            Wanted::Whole => vec![],
            Wanted::Ranges(ranges) => vec![format!("Range: {ranges}")],
            Wanted::Rest(have, validator) => {
                let version = validator.iter().map(|validator| format!("If-Range: {validator}"));
                [format!("Range: {}", Ranges::behind(*have))].into_iter().chain(version).collect()
            }
        };
        lines.iter().filter_map(|line| Header::parse(line).ok()).collect()
    }

    /// Whether the body of `answer` is to be taken; `false` where the file has the whole already.
    ///
    /// # Errors
    /// An answer that is another part than was asked for: its body would be taken for something that it is not.
    pub(super) fn takes(&mut self, ctx: &Context<'_>, answer: Answer<'_>) -> Result<bool, Error> {
        match &self.wanted {
            Wanted::Whole => self.begin(answer.head).map(|()| true),
            Wanted::Ranges(ranges) => {
                answer.gives(ranges)?;
                self.begin(answer.head).map(|()| true)
            }
            Wanted::Rest(have, validator) => {
                let have = *have;
                answer.check_version(validator.as_deref())?;
                self.goes_on(ctx, have, answer)
            }
        }
    }

    /// What is wanted of a body that goes behind what its file holds.
    pub(super) fn behind(&self, wanted: relay::Wanted) -> Result<relay::Wanted, Error> {
        let Some(file) = self.file.as_ref().filter(|file| file.have() > 0 && wanted.sha256.is_some()) else {
            return Ok(wanted);
        };
        let beginning = File::open(file.path()).map(|beginning| beginning.take(file.have()));
        let wanted = beginning.and_then(|mut beginning| wanted.behind(&mut beginning));
        wanted.map_err(|e| Error::io(Kind::ReadLocal, "read", file.path().display(), &e))
    }

    /// The body has come to its end.
    pub(super) fn came(&mut self) {
        if self.course == Course::Open {
            self.course = Course::Whole;
        }
    }

    /// Whether its file is to stay as if nobody had asked.
    fn is_spared(&self) -> bool {
        self.course == Course::Spared && self.file.as_ref().is_some_and(PartFile::is_untouched)
    }

    /// The progress of a body of `length` bytes, if that was announced.
    pub(super) fn bar<'b>(&'b self, voice: &'b Voice, when: When, length: Option<u64>) -> Bar<'b> {
        let from = self.file.as_ref().map_or(0, PartFile::have);
        let total = length.map(|length| length.saturating_add(from));
        Bar::of(voice, when, Span { name: self.name.as_deref(), from, total })
    }

    /// What comes is the beginning.
    fn begin(&mut self, head: &ResponseHead) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if head.status == 304 {
            self.course = Course::Spared;
            return Ok(());
        }
        self.is_resumable = self.is_plain && head.status == 200;
        file.begin_anew(if self.is_resumable { validator(head) } else { Some(NOT_TO_BE_CONTINUED) })
    }

    fn goes_on(&mut self, ctx: &Context<'_>, have: u64, answer: Answer<'_>) -> Result<bool, Error> {
        let Some(file) = &self.file else { return Ok(true) };
        let Answer { head, .. } = answer;
        let path = file.path().display();
        match resumed(have, head.status, head.get("content-range")).map_err(|e| answer.malformed(&e))? {
            Resumed::Append { complete } => {
                answer.check_length()?;
                self.complete = complete;
                Ok(true)
            }
            Resumed::Complete => Ok(false),
            Resumed::StartOver if file.may_start_over() => {
                ctx.warn(format_args!("{path}: the server sends the whole, so it is begun anew"));
                self.begin(head).map(|()| true)
            }
            Resumed::StartOver => Err(answer
                .unfit(format_args!("the server sends the whole, and {path} stays as it is"))
                .hint("--force begins it anew")),
            Resumed::Shorter { complete } => Err(answer
                .unfit(format_args!("it has {complete} bytes now, and {path} has {have}"))
                .hint("without --continue, --force fetches it anew")),
            Resumed::Other if head.status == 416 => Err(answer.unfit("the server has nothing behind what is there")),
            Resumed::Other => Err(answer.refused()),
        }
    }

    /// The body has come, and with it the end of the file.
    fn finish(&mut self, ctx: &Context<'_>) -> Result<(), Error> {
        self.course = Course::Open;
        let Some(file) = &mut self.file else { return Ok(()) };
        let (has, path) = (file.size(), file.path().display());
        if let Some(complete) = self.complete.filter(|&complete| complete != has) {
            let reason = format!("the server gave a part alone: {has} of {complete} bytes are there");
            return Err(Error::new(Kind::Short, "get", path, reason));
        }
        file.finish()?;
        ctx.tell(&Event::Http(Http::Saved(&file.place().display())));
        Ok(())
    }

    /// `error`, and what it has left in the file. Who interrupts it gets no error to read.
    fn with_what_is_left(&self, ctx: &Context<'_>, error: Error) -> Error {
        let Some(file) = self.file.as_ref().filter(|file| file.is_begun()) else { return error };
        // Of what is no good the rest is none either.
        let is_cut = !matches!(error.kind, Kind::Verdict | Kind::Encoding | Kind::TooLarge);
        let way = if self.is_resumable && is_cut { "; --continue takes it up" } else { "" };
        let left = format!("{} bytes are in {}{way}", file.size(), file.path().display());
        if matches!(error.kind, Kind::Signal(_)) {
            ctx.warn(left);
            return error;
        }
        let hint = error.hint.as_ref().map_or_else(|| left.clone(), |hint| format!("{hint}; {left}"));
        error.hint(hint)
    }
}

impl Answer<'_> {
    /// Whether it is what `ranges` ask for. Where there is nothing before them, the whole is that too.
    fn gives(self, ranges: &Ranges) -> Result<(), Error> {
        let status = self.head.status;
        match (status, ranges.single()) {
            (206, Some(range)) => {
                let part = self.part().map_err(|e| self.malformed(&e))?;
                part.answers(range).map_err(|e| self.malformed(&e))?;
                self.check_length()
            }
            (206, None) | (200, Some(Range::From { first: 0, last: None })) => Ok(()),
            (200..=299, _) => Err(self
                .unfit(format_args!("the server answered {status} and not with the part that was asked for"))
                .hint("without --range it gives the whole")),
            (416, _) => match self.part() {
                Ok(ContentRange::Unsatisfied { complete }) => {
                    Err(self.unfit(format_args!("it has {complete} bytes, and none of those asked for")))
                }
                _ => Err(self.unfit("the server has none of the bytes asked for")),
            },
            _ => Ok(()),
        }
    }

    /// A part of another version than the one that began the file, from a server that ignores If-Range.
    fn check_version(self, began: Option<&str>) -> Result<(), Error> {
        let Some(began) = began.filter(|_| self.head.status == 206) else { return Ok(()) };
        let now = self.head.get(if began.starts_with('"') { "etag" } else { "last-modified" });
        match now.filter(|now| *now != began.as_bytes()) {
            Some(now) => Err(self
                .unfit(format_args!("it has changed: the part is of {}, and what is there of {began}", escape(now)))
                .hint("without --continue, --force fetches it anew")),
            None => Ok(()),
        }
    }

    /// The one part that it says to be.
    fn part(self) -> Result<ContentRange, HttpError> {
        let value = self.head.get("content-range");
        value.map_or_else(|| Err(HttpError::Malformed("no Content-Range".into())), ContentRange::parse)
    }

    /// A body that is longer or shorter than its part can't be put in its place.
    fn check_length(self) -> Result<(), Error> {
        let part = self.part().map_err(|e| self.malformed(&e))?;
        match self.length {
            Some(length) if length != part.length() => {
                let why = format!("{length} bytes are announced for the part {part}");
                Err(self.malformed(&HttpError::Malformed(why)))
            }
            _ => Ok(()),
        }
    }

    fn malformed(self, why: &HttpError) -> Error {
        Error::new(Kind::Malformed, "get", self.url, why)
    }

    fn unfit(self, why: impl std::fmt::Display) -> Error {
        Error::new(Kind::Range, "get", self.url, why)
    }

    /// The error of a status that is none for a file of which the rest was asked for.
    fn refused(self) -> Error {
        let reason = format!("the server answered {} {}", self.head.status, escape(&self.head.reason));
        Error::new(Kind::HttpStatus, "get", self.url, reason.trim_end())
    }
}

/// What the server will know this version of the resource by.
fn validator(head: &ResponseHead) -> Option<&[u8]> {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = HttpDate::from_unix(i64::try_from(seconds).unwrap_or(0));
    if_range(head.get("etag"), head.get("last-modified"), head.get("date"), now)
}
