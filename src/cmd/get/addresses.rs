//! `--all`: each address of a URL's name is asked once, one after the other.
//!
//! Owns which addresses those are, and the verdict over their answers. A redirect is an answer: where it leads has
//! addresses of its own.

use std::net::SocketAddr;

use super::connections::Connections;
use super::fetch::{Fetch, shown};
use super::glass::ends_the_run;
use super::places::Places;
use super::plan::{Answer, Plan};
use crate::address::{Endpoint, Host};
use crate::deadline::Deadline;
use crate::error::{Error, Kind};
use crate::net::resolve::resolve;
use crate::proto::http::auth::Secrets;
use crate::proto::http::{Scheme, Url};
use crate::report::addresses::{Answers, Table};
use crate::report::waterfall::Glass;
use crate::stream::dial::of_source_family;

/// A URL, and the way to each address of its name.
struct Place<'a> {
    url: &'a Url,
    secrets: Secrets,
    addresses: Vec<SocketAddr>,
    plans: Vec<Plan>,
}

/// Asks, a table a URL. The first failure is that of the run; answers of different status are a negative verdict.
pub(super) fn run(glass: &Glass<'_>, fetch: Fetch<'_>) -> Result<(), Error> {
    let each = fetch.plan.urls.iter().zip(&fetch.secrets);
    let places: Vec<_> = each.map(|(url, secrets)| Place::of(&fetch, url, secrets)).collect::<Result<_, _>>()?;
    // For as long as the places live.
    let mut fetch = fetch;
    let mut outcome = Ok(());
    for place in &places {
        match place.ask(glass, &mut fetch) {
            Err(error) if ends_the_run(fetch.ctx, &error) => return Err(error),
            asked => outcome = outcome.and(asked),
        }
    }
    outcome
}

impl<'a> Place<'a> {
    fn of(fetch: &Fetch<'_>, url: &'a Url, secrets: &Secrets) -> Result<Self, Error> {
        let addresses = addresses(fetch, url)?;
        let plans = addresses.iter().map(|&address| at(fetch.plan, url, address)).collect();
        Ok(Place { url, secrets: secrets.clone(), addresses, plans })
    }

    fn ask<'p>(&'p self, glass: &Glass<'_>, fetch: &mut Fetch<'p>) -> Result<(), Error> {
        let (method, url) = (fetch.plan.ask.method.to_string(), shown(self.url));
        let has_tls = self.url.scheme() == Scheme::Https;
        let table = Table::new(fetch.voice, &method, &url, &self.addresses, has_tls);
        let mut answers = Answers::default();
        table.begin()?;
        fetch.secrets = vec![self.secrets.clone()];
        let mut outcome = Ok(());
        for (address, plan) in self.addresses.iter().zip(&self.plans) {
            fetch.connections = Connections::new(fetch.ctx, plan, fetch.connections.ready());
            fetch.plan = plan;
            let asked = fetch.all(&mut Places::nowhere(fetch.ctx, fetch.plan)?);
            table.row(&mut answers, *address, glass.take().last(), asked.as_ref().err())?;
            match asked {
                Err(error) if ends_the_run(fetch.ctx, &error) => {
                    fetch.ctx.signals.next_one_kills();
                    return Err(error);
                }
                asked => outcome = outcome.and(asked),
            }
        }
        table.end(&answers)?;
        let verdict = if answers.are_alike() { Ok(()) } else { Err(Error::said(Kind::Verdict)) };
        outcome.and(verdict)
    }
}

/// The addresses of the name in `url`: those of --resolve, or else of a lookup.
fn addresses(fetch: &Fetch<'_>, url: &Url) -> Result<Vec<SocketAddr>, Error> {
    let plan = fetch.plan;
    if plan.proxies.for_url(url).map_err(Error::usage)?.is_some() {
        return Err(
            Error::usage("--all asks each address itself, and a proxy would choose one").hint("try --no-proxy '*'")
        );
    }
    let limit = Deadline::starting_now(plan.limits.connect);
    let mut all = Vec::new();
    for endpoint in plan.routes.endpoints(url).map_err(Error::usage)? {
        let Endpoint::Inet(target) = endpoint else {
            return Err(Error::usage("--all asks the addresses of a name, and a UNIX socket has none"));
        };
        all.extend(resolve(fetch.ctx, &target, plan.dial.lookup, limit)?);
    }
    of_source_family(&all, &plan.dial.config)
}

/// The plan for `url` alone, at this address alone.
fn at(plan: &Plan, url: &Url, address: SocketAddr) -> Plan {
    let host = match address {
        SocketAddr::V4(v4) => Host::V4(*v4.ip()),
        SocketAddr::V6(v6) => {
            let zone = (v6.scope_id() > 0).then(|| v6.scope_id().to_string());
            Host::V6 { address: *v6.ip(), zone }
        }
    };
    let answer = Answer { max_redirects: 0, ..plan.answer };
    Plan { urls: vec![url.clone()], routes: plan.routes.pinned(url, host), answer, ..plan.clone() }
}
