//! Plugs what the options ask for into the relay: logs, and the hex dump.

use std::cell::RefCell;
use std::path::Path;

use crate::deadline::Bound;
use crate::error::Error;
use crate::event::datagram::Inspect;
use crate::event::{Observe, Shown, Side};
use crate::net::Context;
use crate::opts::relay::OutputArgs;
use crate::opts::taps::{DumpTo, TapArgs};
use crate::relay::Taps;
use crate::report::Voice;
use crate::report::hex::{Dump, Style};
use crate::stream::record::Record;

/// So many bytes are dumped at a time: the rows of a whole buffer would be megabytes.
const PIECE: usize = 4096;

/// Opens the files that `args` name, before anything is sent to anybody.
pub(super) fn open<'a>(
    ctx: &'a Context<'a>,
    voice: &'a Voice,
    (args, output): (&TapArgs, &OutputArgs),
    idle: Option<Bound>,
) -> Result<Taps<'a>, Error> {
    refuse_twice(args, output)?;
    let record = |path| Record::to_file(ctx, path, output.may_overwrite(), idle);
    let mut taps: Taps<'a> = args.taps();
    for (path, from) in [(args.log_in(), Side::Peer), (args.log_out(), Side::Local)] {
        if let Some(path) = path {
            taps.observers.push(Box::new(Log { from, record: record(path)?.into() }));
        }
    }
    if let Some(to) = args.hex() {
        taps.observers.push(Box::new(hex(ctx, voice, (to, output), idle)?));
    }
    Ok(taps)
}

/// Opens the dump of a receiver of datagrams, if there is to be one.
pub(super) fn open_dump<'a>(
    ctx: &'a Context<'a>,
    voice: &'a Voice,
    (to, output): (Option<&DumpTo>, &OutputArgs),
    idle: Option<Bound>,
) -> Result<Option<Box<dyn Inspect + 'a>>, Error> {
    let Some(to) = to else { return Ok(None) };
    refuse_same([output.path(), to.path()])?;
    Ok(Some(Box::new(hex(ctx, voice, (to, output), idle)?)))
}

fn hex<'a>(
    ctx: &'a Context<'a>,
    voice: &'a Voice,
    (to, output): (&DumpTo, &OutputArgs),
    idle: Option<Bound>,
) -> Result<Hex<'a>, Error> {
    let json = *to == DumpTo::Stderr && voice.settings().json;
    let dump = Dump::new(if json { Style::Json } else { Style::Text });
    let record = match to.path() {
        Some(path) => Record::to_file(ctx, path, output.may_overwrite(), idle)?,
        None => Record::to_stderr(ctx, idle),
    };
    Ok(Hex { voice, dump: dump.into(), record: record.into() })
}

/// Two options that name one regular file would write over each other.
fn refuse_twice(args: &TapArgs, output: &OutputArgs) -> Result<(), Error> {
    refuse_same([output.path(), args.hex().and_then(DumpTo::path), args.log_in(), args.log_out()])
}

fn refuse_same<const N: usize>(named: [Option<&Path>; N]) -> Result<(), Error> {
    let mut files: Vec<_> = named.into_iter().flatten().filter(|path| path.is_file() || !path.exists()).collect();
    files.sort_unstable();
    match files.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::usage(format!("{} is named by two options", pair[0].display()))),
        None => Ok(()),
    }
}

/// A copy of what comes from one side.
struct Log<'a> {
    from: Side,
    record: RefCell<Record<'a>>,
}

impl Observe for Log<'_> {
    fn saw(&self, from: Side, bytes: &[u8]) -> Result<(), Error> {
        if from == self.from { self.record.borrow_mut().write(bytes) } else { Ok(()) }
    }

    fn ended(&self) -> Result<(), Error> {
        self.record.borrow_mut().finish()
    }
}

/// The dump of both directions, or of datagrams.
struct Hex<'a> {
    voice: &'a Voice,
    dump: RefCell<Dump>,
    record: RefCell<Record<'a>>,
}

impl Observe for Hex<'_> {
    fn saw(&self, from: Side, bytes: &[u8]) -> Result<(), Error> {
        let time = self.voice.elapsed();
        let (mut dump, mut record) = (self.dump.borrow_mut(), self.record.borrow_mut());
        self.voice.aside(|| bytes.chunks(PIECE).try_for_each(|piece| record.write(dump.rows(time, from, piece))))
    }

    fn ended(&self) -> Result<(), Error> {
        self.record.borrow_mut().finish()
    }
}

impl Inspect for Hex<'_> {
    fn datagram(&self, from: Shown<'_>, bytes: &[u8]) -> Result<(), Error> {
        let time = self.voice.elapsed();
        let (mut dump, mut record) = (self.dump.borrow_mut(), self.record.borrow_mut());
        self.voice.aside(|| record.write(dump.datagram(time, from, bytes)))
    }

    fn ended(&self) -> Result<(), Error> {
        self.record.borrow_mut().finish()
    }
}
