//! Calls on single descriptors: what one is, reading and writing it, the standard three.
//!
//! Owns the care for descriptors 0, 1 and 2, which belong to the shell as much as to us: their flags are
//! never changed, and a closed one is replaced by /dev/null so that no socket lands on its number.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::FileType;
use rustix::net::{AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, SocketType};

pub use rustix::stdio::{stderr, stdin, stdout};

/// `O_NONBLOCK | O_NOCTTY`, for opening devices and FIFOs without waiting for them.
pub const NONBLOCK_NOCTTY: i32 = libc::O_NONBLOCK | libc::O_NOCTTY;

/// What lies behind a descriptor, as far as reading and writing it differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FdKind {
    /// A regular file or a block device: never blocks for long, never polls as unready.
    File,
    /// A directory: can't be read.
    Directory,
    /// A pipe or FIFO.
    Pipe,
    /// A socket.
    Socket,
    /// A terminal.
    Terminal,
    /// /dev/null.
    Null,
    /// Another character device.
    Device,
}

/// The way in which a descriptor is opened anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading.
    Read,
    /// For writing.
    Write,
}

/// What `fd` is. See fstat(2), isatty(3).
pub fn kind(fd: BorrowedFd<'_>) -> io::Result<FdKind> {
    let stat = rustix::fs::fstat(fd)?;
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => FdKind::Directory,
        FileType::Fifo => FdKind::Pipe,
        FileType::Socket => FdKind::Socket,
        FileType::CharacterDevice if rustix::termios::isatty(fd) => FdKind::Terminal,
        FileType::CharacterDevice if is_null(&stat) => FdKind::Null,
        FileType::CharacterDevice => FdKind::Device,
        _ => FdKind::File,
    })
}

/// Whether it is the device that /dev/null names.
/// How many columns the terminal behind a descriptor has; `None` where there is none, or it does not say.
pub fn columns(fd: BorrowedFd<'_>) -> Option<u16> {
    rustix::termios::tcgetwinsize(fd).ok().map(|size| size.ws_col).filter(|&columns| columns > 0)
}

fn is_null(stat: &rustix::fs::Stat) -> bool {
    rustix::fs::stat("/dev/null").is_ok_and(|null| null.st_rdev == stat.st_rdev)
}

/// Device and inode: two descriptors or paths with the same are the same file.
pub fn identity(fd: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::fstat(fd)?;
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        reason = "the types of both fields differ between systems"
    )]
    Ok((stat.st_dev as u64, stat.st_ino as u64))
}

/// Whether the descriptor was opened for this.
pub fn allows(fd: BorrowedFd<'_>, access: Access) -> bool {
    use rustix::fs::OFlags;
    let refused = match access {
        Access::Read => OFlags::WRONLY,
        Access::Write => OFlags::RDONLY,
    };
    rustix::fs::fcntl_getfl(fd).is_ok_and(|flags| flags & OFlags::RWMODE != refused)
}

/// Whether every write goes to the file's end (`O_APPEND`), whoever else writes there.
pub fn appends(fd: BorrowedFd<'_>) -> bool {
    rustix::fs::fcntl_getfl(fd).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::APPEND))
}

/// Bytes between the position and the end of a regular file. One of size 0 may be a file of /proc, which has more.
pub fn left(fd: BorrowedFd<'_>) -> Option<u64> {
    let stat = rustix::fs::fstat(fd).ok().filter(|s| FileType::from_raw_mode(s.st_mode) == FileType::RegularFile)?;
    let position = rustix::fs::tell(fd).ok()?;
    let size = u64::try_from(stat.st_size).ok().filter(|&size| size > 0)?;
    Some(size.saturating_sub(position))
}

/// The position in a regular file; `None` for what has none.
pub fn position(fd: BorrowedFd<'_>) -> Option<u64> {
    let stat = rustix::fs::fstat(fd).ok()?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    is_file.then(|| rustix::fs::tell(fd).ok())?
}

/// Sets the position in a regular file. See lseek(2).
pub fn go_to(fd: BorrowedFd<'_>, position: u64) -> io::Result<()> {
    rustix::fs::seek(fd, rustix::fs::SeekFrom::Start(position))?;
    Ok(())
}

/// read(2), once. EINTR is retried: no signal of ours asks for a read to be given up.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::io::retry_on_intr(|| rustix::io::read(fd, &mut *buffer))?)
}

/// write(2), once.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::retry_on_intr(|| rustix::io::write(fd, bytes))?)
}

/// Writes all of `bytes`, waiting where the descriptor was left non-blocking by somebody else.
pub fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(fd, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                super::poll::poll(&mut [super::poll::Interest::write(fd)], None, None)?;
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// recv(2) that never blocks, whatever the flags of the description: for a socket that is not ours alone.
pub fn receive_now(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let receive = || rustix::net::recv(fd, &mut *buffer, RecvFlags::DONTWAIT);
    Ok(rustix::io::retry_on_intr(receive)?.0)
}

/// The same, and what was read stays to be read again.
pub fn look_ahead(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let receive = || rustix::net::recv(fd, &mut *buffer, RecvFlags::DONTWAIT | RecvFlags::PEEK);
    Ok(rustix::io::retry_on_intr(receive)?.0)
}

/// Looks at the first byte of a stream socket without taking it: `Some(true)` there is one, `Some(false)`
/// the peer has ended, `None` neither yet.
pub fn peek(fd: BorrowedFd<'_>) -> io::Result<Option<bool>> {
    let look = || rustix::net::recv(fd, &mut [0u8; 1], RecvFlags::DONTWAIT | RecvFlags::PEEK);
    match rustix::io::retry_on_intr(look) {
        Ok((n, _)) => Ok(Some(n > 0)),
        Err(rustix::io::Errno::AGAIN) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// send(2) that never blocks and raises no SIGPIPE.
pub fn send_now(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    Ok(rustix::io::retry_on_intr(|| rustix::net::send(fd, bytes, flags))?)
}

/// As [`send_now`], for several pieces in one call (sendmsg(2)).
pub fn send_vectored_now(fd: BorrowedFd<'_>, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let mut no_control = SendAncillaryBuffer::default();
    Ok(rustix::io::retry_on_intr(|| rustix::net::sendmsg(fd, pieces, &mut no_control, flags))?)
}

/// Whether a connect(2) that failed has only not finished yet.
pub fn is_in_progress(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::INPROGRESS)
}

/// Whether a datagram was larger than its socket can send.
pub fn is_too_large(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::MSGSIZE)
}

/// Whether a UNIX socket of another type has the name that was connected to; see `EPROTOTYPE` in connect(2).
pub fn is_other_type(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::PROTOTYPE)
}

/// Whether an accept(2) failed for want of descriptors or memory, which may come back.
pub fn is_out_of_resources(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// Whether an accept(2) met an error that waited on the client's connection, of those that std has no kind for.
pub fn is_of_the_pending_client(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = Errno::from_io_error(error);
    matches!(code, Some(Errno::PROTO | Errno::NOPROTOOPT | Errno::HOSTDOWN | Errno::OPNOTSUPP | Errno::PERM))
}

/// Whether this machine lacks the address or the whole family that was to be bound.
pub fn is_missing_here(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(error), Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

/// Whether it is the device below a file that failed.
pub fn is_input_output(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::IO)
}

/// Whether a FIFO was not opened for want of a reader; see `ENXIO` in open(2).
pub fn has_no_reader_yet(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NXIO)
}

/// Raises the soft limit of open descriptors to the hard one; gives the limit that holds then, `None` for none.
/// See `RLIMIT_NOFILE` in getrlimit(2).
pub fn raise_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    // Refused on systems where the hard limit is only nominal: then the soft one stays.
    if setrlimit(Resource::Nofile, raised).is_ok() { before.maximum } else { before.current }
}

/// Ends our hold on standard output, so that its reader sees the end: the number itself stays taken.
pub fn release_stdout() -> io::Result<()> {
    let null = File::options().write(true).open("/dev/null")?;
    Ok(rustix::stdio::dup2_stdout(null)?)
}

/// Two connected stream sockets; the first never blocks, the second does.
pub fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (near, far) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_nonblocking(near.as_fd())?;
    Ok((near, far))
}

/// Sets `O_NONBLOCK` on a description that is ours alone.
pub(super) fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    Ok(rustix::fs::fcntl_setfl(fd, flags | rustix::fs::OFlags::NONBLOCK)?)
}

/// Takes over a descriptor that the caller of this program opened for us and named by number
/// (`--ready-fd`). Numbers 0 to 2 stay the caller's: a duplicate of them is given.
pub fn adopt(number: RawFd) -> io::Result<File> {
    if number < 0 {
        return Err(rustix::io::Errno::BADF.into());
    }
    #[expect(
        unsafe_code,
        reason = "the number comes from the command line; F_DUPFD fails with EBADF if nothing is open there"
    )]
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(File::from(rustix::io::fcntl_dupfd_cloexec(borrowed, 3)?))
}

/// Marks each descriptor from `first` to the highest possible one; those that are not open refuse, which is fine.
pub(super) fn close_on_exec_one_by_one(first: RawFd) {
    const MOST: u64 = 1 << 20;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(MOST).min(MOST);
    for number in first..RawFd::try_from(limit).unwrap_or(first) {
        #[expect(
            unsafe_code,
            reason = "the call fails with EBADF if nothing is open there, and the number is not kept"
        )]
        unsafe {
            libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// The pair of a pipe: what is written to the second is read from the first.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// Closes every hold that the process has on `number`: only for adopted descriptors above 2.
pub fn close_adopted(number: RawFd) {
    if number > 2 {
        #[expect(
            unsafe_code,
            reason = "the descriptor was handed to this process for one purpose, which is done; nothing else here knows its number"
        )]
        unsafe {
            rustix::io::close(number);
        }
    }
}
