//! A regular file that a thread of its own writes, behind whoever gives the bytes.
//!
//! For those who lose what comes while they wait for the file: each page that it grows by has to be found, and a disk that is behind
//! stops its writers (see `dirty_ratio` in `proc_sys_vm(5)`). Owns the bound on what the thread has not written yet, and its
//! failure. Refuses to be needed: without a flood or without a thread, the bytes are written at once.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Readiness;
use crate::sys::fd;

/// So many bytes at once are a flood, which is worth a thread.
const FLOOD: usize = 64 * 1024;

/// The thread writes so many bytes in one call.
const PIECE: usize = 256 * 1024;

/// So many pieces wait for it at the most.
const PIECES: usize = 32;

/// A file, and its thread once there was a flood.
#[derive(Debug)]
pub(super) struct Behind {
    file: OwnedFd,
    state: State,
}

#[derive(Debug)]
enum State {
    /// There was no flood yet.
    Calm,
    /// There is none to be had.
    Alone,
    /// It writes, or has failed, or has ended.
    Helped(Helper),
}

/// The thread, as its user sees it.
#[derive(Debug)]
struct Helper {
    queue: Arc<Queue>,
    /// A byte comes when there is room again, the end when the thread is gone.
    near: UnixStream,
}

/// What lies between the two.
#[derive(Debug, Default)]
struct Queue {
    held: Mutex<Held>,
    /// There is something to write, or it is over.
    more: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    /// In order; only the last has room.
    waiting: VecDeque<Vec<u8>>,
    /// Written, and to be filled again: the last one first, which the cache may still hold.
    spare: Vec<Vec<u8>>,
    /// How many pieces there are, that which is being written included.
    pieces: usize,
    /// The thread waits for bytes.
    is_idle: bool,
    /// The other side waits for room.
    is_full: bool,
    /// Nothing more comes.
    has_ended: bool,
    failure: Option<io::Error>,
}

impl Behind {
    /// For a regular file.
    pub(super) fn new(file: OwnedFd) -> Self {
        Behind { file, state: State::Calm }
    }

    /// Takes what there is room for. A failure may be that of bytes taken earlier.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if matches!(self.state, State::Calm) && bytes.len() >= FLOOD {
            self.state = Helper::start(&self.file).map_or(State::Alone, State::Helped);
        }
        match &self.state {
            State::Helped(helper) => helper.write(bytes),
            State::Calm | State::Alone => fd::write(self.file.as_fd(), bytes),
        }
    }

    /// Waits, by `WouldBlock`, until everything is in the file.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let State::Helped(helper) = &self.state { helper.finish() } else { Ok(()) }
    }

    /// When there is room, or the thread is gone.
    pub(super) fn write_interest(&self) -> Readiness<'_> {
        self.watch().map_or(Readiness::Always, Readiness::Readable)
    }

    /// Poll reports a hang-up on it when the thread is gone.
    pub(super) fn watch(&self) -> Option<BorrowedFd<'_>> {
        if let State::Helped(helper) = &self.state { Some(helper.near.as_fd()) } else { None }
    }

    /// Why the thread is gone, if it has failed.
    pub(super) fn failure(&self) -> Option<io::Error> {
        if let State::Helped(helper) = &self.state { helper.queue.hold().failure() } else { None }
    }
}

impl Helper {
    fn start(file: &OwnedFd) -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        let queue = Arc::<Queue>::default();
        let (file, theirs) = (file.try_clone()?, Arc::clone(&queue));
        thread::Builder::new().name("file".into()).spawn(move || theirs.write_to(file.as_fd(), &far))?;
        Ok(Helper { queue, near })
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.queue.hold();
        if let Some(failure) = held.failure() {
            return Err(failure);
        }
        let taken = held.take(bytes);
        if taken == 0 {
            self.forget_room();
            held.is_full = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.queue.wake(held);
        Ok(taken)
    }

    /// Room that was told of before is used up.
    fn forget_room(&self) {
        while fd::receive_now(self.near.as_fd(), &mut [0; 16]).is_ok_and(|n| n > 0) {}
    }

    /// The thread closes its side when it has written everything: that is the sign.
    fn finish(&self) -> io::Result<()> {
        self.end();
        while fd::receive_now(self.near.as_fd(), &mut [0; 16])? > 0 {}
        self.queue.hold().failure().map_or(Ok(()), Err)
    }

    fn end(&self) {
        let mut held = self.queue.hold();
        held.has_ended = true;
        self.queue.wake(held);
    }
}

/// What was taken is still written, while there is time for it.
impl Drop for Helper {
    fn drop(&mut self) {
        self.end();
    }
}

impl Queue {
    fn hold(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread if it waits: to ask costs nothing, the call does.
    fn wake(&self, mut held: MutexGuard<'_, Held>) {
        let is_idle = std::mem::take(&mut held.is_idle);
        drop(held);
        if is_idle {
            self.more.notify_one();
        }
    }

    /// The thread's work; that it drops `far` tells that it is gone.
    fn write_to(&self, file: BorrowedFd<'_>, far: &UnixStream) {
        while let Some(piece) = self.next() {
            let written = fd::write_all(file, &piece);
            let mut held = self.hold();
            if let Err(failure) = written {
                held.failure = Some(failure);
                return;
            }
            held.put_back(piece);
            let was_full = std::mem::take(&mut held.is_full);
            drop(held);
            if was_full {
                // One byte in a buffer of many; if it is full, others tell the same.
                let _ = fd::send_now(far.as_fd(), &[0]);
            }
        }
    }

    /// Waits for the next piece; `None` at the end.
    fn next(&self) -> Option<Vec<u8>> {
        let mut held = self.hold();
        loop {
            let next = held.waiting.pop_front();
            if next.is_some() || held.has_ended {
                return next;
            }
            held.is_idle = true;
            held = self.more.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Held {
    /// Gives how many of `bytes` there was room for.
    fn take(&mut self, mut bytes: &[u8]) -> usize {
        let offered = bytes.len();
        while !bytes.is_empty()
            && let Some(piece) = self.open()
        {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - piece.len()));
            piece.extend_from_slice(now);
            bytes = later;
        }
        offered - bytes.len()
    }

    /// A piece with room, the last of those that wait.
    fn open(&mut self) -> Option<&mut Vec<u8>> {
        if self.waiting.back().is_none_or(|last| last.len() >= PIECE) {
            let fresh = self.spare.pop().or_else(|| self.grow())?;
            self.waiting.push_back(fresh);
        }
        self.waiting.back_mut()
    }

    fn grow(&mut self) -> Option<Vec<u8>> {
        if self.pieces == PIECES {
            return None;
        }
        self.pieces += 1;
        Some(Vec::with_capacity(PIECE))
    }

    fn put_back(&mut self, mut piece: Vec<u8>) {
        piece.clear();
        self.spare.push(piece);
    }

    /// The failure, which is told again and again.
    fn failure(&self) -> Option<io::Error> {
        let failure = self.failure.as_ref()?;
        Some(failure.raw_os_error().map_or_else(|| failure.kind().into(), io::Error::from_raw_os_error))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek};
    use std::time::Duration;

    use super::*;
    use crate::sys::poll::{Interest, poll};

    const LONG: Duration = Duration::from_secs(20);

    /// Numbers, so that whatever is missing or moved is seen.
    fn bytes(length: usize) -> Vec<u8> {
        (0_u32..).flat_map(u32::to_be_bytes).take(length).collect()
    }

    fn wait(mut interest: Interest<'_>) {
        poll(std::slice::from_mut(&mut interest), None, Some(LONG)).expect("it can be polled");
        assert!(interest.ready.any(), "nothing happens");
    }

    fn write_all(behind: &mut Behind, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match behind.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => wait(room(behind)),
                Err(e) => panic!("{e}"),
            }
        }
    }

    fn finish(behind: &mut Behind) -> io::Result<()> {
        loop {
            match behind.finish() {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => wait(room(behind)),
                done => return done,
            }
        }
    }

    fn room(behind: &Behind) -> Interest<'_> {
        behind.write_interest().interest().expect("there is a thread")
    }

    fn behind(file: &impl AsFd) -> Behind {
        Behind::new(file.as_fd().try_clone_to_owned().expect("a descriptor is free"))
    }

    #[test]
    fn everything_arrives_in_order() {
        let mut file = tempfile::tempfile().expect("a file of our own");
        let mut behind = behind(&file);
        let all = bytes(3 * PIECES * PIECE);
        let mut rest = all.as_slice();
        for size in [1, FLOOD, 5, PIECE, PIECE + 1, 3 * PIECE - 7, 2 * PIECES * PIECE].into_iter().cycle() {
            let Some((now, later)) = rest.split_at_checked(size) else { break };
            write_all(&mut behind, now);
            rest = later;
        }
        write_all(&mut behind, rest);
        finish(&mut behind).expect("the file takes it");
        let mut got = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut got)).expect("it can be read");
        assert!(got == all);
    }

    #[test]
    fn what_comes_slowly_needs_no_thread() {
        let mut file = tempfile::tempfile().expect("a file of our own");
        let mut behind = behind(&file);
        for byte in b"slow" {
            assert_eq!(behind.write(&[*byte]).expect("the file takes it"), 1);
        }
        assert!(behind.watch().is_none() && behind.write_interest().interest().is_none());
        let mut got = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut got)).expect("it can be read");
        assert_eq!(got, b"slow");
        finish(&mut behind).expect("nothing is left");
    }

    #[test]
    fn what_waits_has_a_bound_and_room_is_told() {
        // What a file never does for long: it takes nothing.
        let (mut read, write) = std::io::pipe().expect("a pipe");
        let mut behind = behind(&write);
        drop(write);
        let all = bytes(2 * PIECES * PIECE);
        let mut taken = 0;
        while let Ok(n) = behind.write(&all[taken..]) {
            taken += n;
        }
        assert!((PIECES * PIECE..=(PIECES + 1) * PIECE).contains(&taken), "{taken}");
        let reader = thread::spawn(move || {
            let mut got = Vec::new();
            read.read_to_end(&mut got).map(|_| got)
        });
        write_all(&mut behind, &all[taken..]);
        finish(&mut behind).expect("the pipe takes it");
        drop(behind);
        assert!(reader.join().expect("it does not panic").expect("it can be read") == all);
    }

    #[test]
    fn a_failure_hangs_up_and_is_told_again_and_again() {
        let unwritable = File::open("/dev/null").expect("it is there");
        let mut behind = behind(&unwritable);
        assert!(behind.write(b"slow").is_err());
        assert_eq!(behind.write(&bytes(FLOOD)).expect("the thread takes it"), FLOOD);
        wait(Interest::new(behind.watch().expect("there is a thread"), false, false));
        for _ in 0..2 {
            assert!(behind.failure().is_some());
            assert_eq!(behind.write(b"more").map_err(|e| e.kind()), behind.failure().map_or(Ok(4), |e| Err(e.kind())));
            assert!(behind.finish().is_err());
        }
    }
}
