//! Whether an answer is what was asked for: its status, its size, its coding, its hash.
//!
//! Owns what is refused before the first byte of the body and what is said once the last one is written, and which of
//! these options contradict one another. Refuses to look at the body: that is for [`Wanted`] to do, on its way.

use super::fetch::{refused, shown};
use crate::error::{Error, Kind};
use crate::opts::http::{JudgeArgs, Statuses};
use crate::proto::http::coding::Coding;
use crate::proto::http::{Method, ResponseHead, Url};
use crate::relay::Wanted;

/// What makes an answer a good one.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    /// Its body is decoded.
    decodes: bool,
    /// A status of 400 or more is a failure, told once the body is there.
    fails_with_body: bool,
    /// The most bytes of its body.
    most: Option<u64>,
    /// The statuses that it may have; any, if there are none.
    statuses: Option<Statuses>,
    /// The hash of its body.
    sha256: Option<[u8; 32]>,
}

/// What the other options say.
pub(super) struct Beside {
    pub(super) method: Method,
    pub(super) urls: usize,
    /// --fail is given.
    pub(super) fails: bool,
}

impl Judge {
    /// The judge that `args` ask for, if that can be beside the others.
    pub(super) fn new(args: &JudgeArgs, beside: &Beside) -> Result<Self, Error> {
        if beside.method == Method::Head && (args.max_filesize().is_some() || args.sha256().is_some()) {
            return Err(Error::usage("--max-filesize and --expect-sha256: the answer to HEAD has no body"));
        }
        if beside.urls > 1 && args.sha256().is_some() {
            return Err(Error::usage("--expect-sha256: there are several URLs, and one hash"));
        }
        if (beside.fails || args.fails_with_body()) && args.statuses().is_some_and(Statuses::contain_a_failure) {
            return Err(Error::usage(
                "--expect-status: a status of 400 or more is expected, and a failure under --fail",
            ));
        }
        Ok(Judge {
            decodes: args.decodes(),
            fails_with_body: args.fails_with_body(),
            most: args.max_filesize(),
            statuses: args.statuses().cloned(),
            sha256: args.sha256(),
        })
    }

    /// Whether bodies are delivered as something else than what comes.
    pub(super) fn decodes(&self) -> bool {
        self.decodes
    }

    /// Whether the user has named this status: then it is an answer and no failure.
    pub(super) fn expects(&self, status: u16) -> bool {
        self.statuses.as_ref().is_some_and(|statuses| statuses.contain(status))
    }

    /// What is wanted of the body behind `head`, whose length may be known; an error where it can't be had.
    pub(super) fn wanted(&self, url: &Url, head: &ResponseHead, length: Option<u64>) -> Result<Wanted, Error> {
        let coding = if self.decodes && length != Some(0) { coding(url, head)? } else { Coding::Identity };
        if let Some((most, length)) = self.most.zip(length).filter(|(most, length)| length > most) {
            let reason = format!("the body has {length} bytes, over {most} (--max-filesize)");
            return Err(Error::new(Kind::TooLarge, "get", shown(url), reason));
        }
        // Of plain bytes no more come than were announced: then nobody has to count them.
        let most = self.most.filter(|_| length.is_none() || coding != Coding::Identity);
        // What is wrong with the status comes first.
        let sha256 = self.sha256.filter(|_| self.verdict(url, head).is_ok());
        Ok(Wanted { subject: shown(url), coding, most, sha256, before: None })
    }

    /// What is to be said of `head` once its body is delivered.
    pub(super) fn verdict(&self, url: &Url, head: &ResponseHead) -> Result<(), Error> {
        if self.fails_with_body && head.status >= 400 {
            return Err(refused(url, head));
        }
        match &self.statuses {
            Some(statuses) if !statuses.contain(head.status) => {
                let mut error = refused(url, head);
                error.kind = Kind::Verdict;
                error.reason = format!("{}, expected {statuses} (--expect-status)", error.reason);
                Err(error)
            }
            _ => Ok(()),
        }
    }
}

/// The coding of the body. A part of a coded body (206) can't be decoded: the coding is that of the whole
/// (RFC 9110 §8.4, §14).
fn coding(url: &Url, head: &ResponseHead) -> Result<Coding, Error> {
    let of_head = Coding::of(head.all("content-encoding"));
    let coding = of_head.map_err(|e| Error::new(e.kind(), "decode", shown(url), e))?;
    if head.status == 206 && coding != Coding::Identity {
        let reason = "bad content encoding: it is a part (206) of a compressed body";
        return Err(Error::new(Kind::Encoding, "decode", shown(url), reason).hint("ask for it without --compressed"));
    }
    Ok(coding)
}
