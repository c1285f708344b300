//! Where bodies go, and which part of them is asked for.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};

use crate::error::{Error, Kind};
use crate::opts::relay::FILES;
use crate::proto::http::disposition::from_url;
use crate::proto::http::range::{RangeError, Ranges};
use crate::proto::http::{Header, Method, Url};

/// `-o -O --force --continue --create-dirs --range`.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Files", group = ArgGroup::new(FILES).multiple(true))]
#[allow(clippy::struct_excessive_bools, reason = "one flag of the command line each")]
pub struct FileArgs {
    /// Write the body to FILE.part, which becomes FILE once it is whole; `-` is stdout. Of several URLs, one for all, or one each in their order
    #[arg(short = 'o', long, value_name = "FILE", group = FILES)]
    output: Vec<PathBuf>,
    /// Name each FILE as its URL ends
    #[arg(short = 'O', long, group = FILES, conflicts_with = "output")]
    remote_name: bool,
    /// Overwrite a FILE that exists, and a FILE.part
    #[arg(long, requires = FILES)]
    force: bool,
    /// Take up what is there, FILE.part or FILE: ask for the rest
    #[arg(long = "continue", requires = FILES, conflicts_with_all = ["range", "include", "raw_head", "head"])]
    resume: bool,
    /// Make the directories that FILE is to lie in
    #[arg(long, requires = FILES)]
    create_dirs: bool,
    /// Ask for these bytes alone, from 0 on: FIRST-LAST, FIRST- or -COUNT; several, with commas, come as multipart
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, value_parser = ranges, help_heading = "Request")]
    range: Option<Ranges>,
}

/// Where a body goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard output, since nothing else was said: a terminal gets text alone.
    Screen,
    /// Standard output, by name.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// Where the bodies go, and what is asked of each.
#[derive(Clone, Debug)]
pub struct Files {
    /// One for all URLs, or one each.
    pub places: Vec<Place>,
    /// What exists may be overwritten.
    pub force: bool,
    /// What exists is taken up.
    pub resume: bool,
    /// Directories are made.
    pub create_dirs: bool,
    /// What is asked for of each.
    pub range: Option<Ranges>,
}

impl FileArgs {
    /// Whether a file was named.
    pub fn has_file(&self) -> bool {
        self.remote_name || self.output.iter().any(|path| path != Path::new("-"))
    }

    /// Where the bodies of `urls` go; `method` and `headers` are those of the requests.
    pub fn files(&self, urls: &[Url], method: Method, headers: &[Header]) -> Result<Files, Error> {
        let places = self.places(urls)?;
        check_names(&places, urls.len())?;
        if self.resume && places.iter().any(|place| !matches!(place, Place::File(_))) {
            return Err(Error::usage("--continue: standard output is no file that could be taken up"));
        }
        if self.resume && places.len() < urls.len() {
            return Err(Error::usage("--continue: nobody knows whose part it is in one file of several URLs"));
        }
        self.check_request(method, headers)?;
        let Self { force, resume, create_dirs, .. } = *self;
        Ok(Files { places, force, resume, create_dirs, range: self.range.clone() })
    }

    fn places(&self, urls: &[Url]) -> Result<Vec<Place>, Error> {
        if self.remote_name {
            return urls.iter().map(named).collect();
        }
        if self.output.is_empty() {
            return Ok(vec![Place::Screen]);
        }
        let place = |path: &PathBuf| if path == Path::new("-") { Place::Stdout } else { Place::File(path.clone()) };
        Ok(self.output.iter().map(place).collect())
    }

    /// Ranges are defined for GET alone (RFC 9110 §14.2).
    fn check_request(&self, method: Method, headers: &[Header]) -> Result<(), Error> {
        let option = match (self.resume, &self.range) {
            (true, _) => "--continue",
            (_, Some(_)) => "--range",
            _ => return Ok(()),
        };
        if method != Method::Get {
            return Err(Error::usage(format!("{option} is for GET requests; this is {method}")));
        }
        let own = |header: &&Header| ["range", "if-range"].iter().any(|name| header.name().eq_ignore_ascii_case(name));
        match headers.iter().find(own) {
            Some(header) => {
                Err(Error::usage(format!("{option} and -H {}: only one of them can be sent", header.name())))
            }
            None => Ok(()),
        }
    }
}

fn ranges(text: &str) -> Result<Ranges, RangeError> {
    Ranges::parse(text)
}

fn named(url: &Url) -> Result<Place, Error> {
    let name = from_url(url).ok_or_else(|| {
        Error::new(Kind::Usage, "--remote-name", url, "it does not end in a name").hint("-o FILE gives one")
    })?;
    Ok(Place::File(name.into()))
}

/// One place for all, or one each: whatever else there is, a body would get lost or mixed with another.
fn check_names(places: &[Place], urls: usize) -> Result<(), Error> {
    if places.len() > 1 && places.len() != urls {
        let reason = format!("{urls} URLs and {} files: it takes one for all, or one each", places.len());
        return Err(Error::usage(reason));
    }
    for (n, place) in places.iter().enumerate() {
        if let Place::File(path) = place
            && !path.starts_with("/dev")
            && places[..n].contains(place)
        {
            return Err(Error::usage(format!("two URLs for one file: {}", path.display())).hint("-o FILE for each"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a good one")
    }

    #[test]
    fn names_of_urls() {
        assert_eq!(named(&url("h/a/b%20c?d")), Ok(Place::File("b c".into())));
        let error = named(&url("h/a/")).expect_err("there is no name");
        assert!(error.kind == Kind::Usage && error.to_string().contains("-o FILE"), "{error}");
    }

    #[test]
    fn no_body_gets_lost_or_mixed() {
        let file = |name: &str| Place::File(name.into());
        let table = [
            (vec![Place::Screen], 3, true),
            (vec![file("a")], 3, true),
            (vec![file("a"), file("b")], 2, true),
            (vec![file("a"), Place::Stdout], 2, true),
            (vec![Place::Stdout, Place::Stdout], 2, true),
            (vec![file("/dev/null"), file("/dev/null")], 2, true),
            (vec![file("a"), file("a")], 2, false),
            (vec![file("a"), file("b")], 3, false),
            (vec![file("a"), file("b")], 1, false),
        ];
        for (places, urls, good) in table {
            assert_eq!(check_names(&places, urls).is_ok(), good, "{places:?} {urls}");
        }
    }
}
