//! A connector at work on what leaves: which actions there are, requests without and with credentials, answers, looks. Sends nothing.

use crate::http::{Request, Response};
use crate::load::Connector;
use crate::outcome::Outcome;
use crate::paging::ScanError;
use crate::settings::Settings;
use crate::write::{
    Action, Compared, Found, Lookup, PrepareError, RenderError, RenderInput, Rendered,
    StoredRequest,
};
use stagewire_model::Micros;

impl Connector {
    /// The actions of this connection: each name once, in the way its credentials allow.
    pub fn actions<'a>(&'a self, settings: &'a Settings) -> impl Iterator<Item = &'a Action> {
        let way = self.auth(settings).ok().map(|a| a.name.as_str());
        let fits = move |a: &Action| a.auth.is_none() || a.auth.as_deref() == way || way.is_none();
        let all = &self.actions.all;
        all.iter()
            .enumerate()
            .filter(move |(i, a)| fits(a) && !all[..*i].iter().any(|b| b.name == a.name && fits(b)))
            .map(|(_, a)| a)
    }

    /// The action of that name, without the connector's: `note.create`.
    pub fn action(&self, name: &str, settings: &Settings) -> Option<&Action> {
        let way = self.auth(settings).ok().map(|a| a.name.as_str());
        self.actions.all.iter().find(|a| {
            a.name == name && (a.auth.is_none() || a.auth.as_deref() == way || way.is_none())
        })
    }

    /// The action a stored request was rendered by.
    pub fn action_of(&self, stored: &StoredRequest) -> Option<&Action> {
        self.actions
            .all
            .iter()
            .find(|a| a.name == stored.action && a.variant == stored.variant)
    }

    /// The names that must be looked up before rendering.
    pub fn lookups(&self, action: &Action, input: &RenderInput<'_>) -> Vec<Lookup> {
        action.lookups(&self.actions.resolves, input)
    }

    /// The call that looks a name up, without credentials.
    pub fn lookup_request(&self, lookup: &Lookup, settings: &Settings) -> Option<Request> {
        self.actions
            .resolves
            .get(&lookup.name)?
            .request(&self.base(settings)?, lookup)
    }

    /// The next page of a look-up.
    pub fn next_lookup_page(
        &self,
        lookup: &Lookup,
        request: &Request,
        response: &Response,
    ) -> Result<Option<Request>, ScanError> {
        self.actions
            .resolves
            .get(&lookup.name)
            .map_or(Ok(None), |r| r.next(request, response))
    }

    /// The id on a look-up's page.
    pub fn pick(&self, lookup: &Lookup, response: &Response) -> Option<String> {
        self.actions
            .resolves
            .get(&lookup.name)?
            .pick(lookup, response)
    }

    /// The exact request, without credentials.
    pub fn render(
        &self,
        action: &Action,
        settings: &Settings,
        input: &RenderInput<'_>,
    ) -> Result<Rendered, RenderError> {
        action.render(&self.actions.resolves, settings, input)
    }

    /// A stored request with address, credentials and signatures, for this moment.
    pub fn prepare(
        &self,
        stored: &StoredRequest,
        settings: &Settings,
        token: Option<&str>,
        now: Micros,
    ) -> Result<Request, PrepareError> {
        let action = self.action_of(stored).ok_or(PrepareError::NoAction)?;
        action.prepare(
            stored,
            self.base(settings).as_deref(),
            self.auth(settings)?,
            settings,
            token,
            now,
        )
    }

    /// What the answer to a write means.
    pub fn classify(&self, action: &Action, response: &Response, now: Micros) -> Outcome {
        self.reading
            .outcome(Some(&action.reading), &action.taken, response, now)
    }

    /// The look for what a stored request may have done between two instants, without credentials.
    pub fn probe(
        &self,
        stored: &StoredRequest,
        settings: &Settings,
        from: Micros,
        to: Micros,
    ) -> Option<Request> {
        self.action_of(stored)?
            .probe(&self.base(settings)?, stored, from, to)
    }

    /// The next page of a look.
    pub fn next_probe_page(
        &self,
        stored: &StoredRequest,
        request: &Request,
        response: &Response,
    ) -> Result<Option<Request>, ScanError> {
        self.action_of(stored)
            .map_or(Ok(None), |a| a.next_probe(request, response))
    }

    /// Whether a page of a look shows what we did.
    pub fn found(&self, stored: &StoredRequest, response: &Response) -> Found {
        self.action_of(stored)
            .map_or(Found::Unreadable, |a| a.found(stored, response))
    }

    /// Whether the record already looks as wanted.
    pub fn compare(&self, stored: &StoredRequest, response: &Response) -> Compared {
        self.action_of(stored)
            .map_or(Compared::Unreadable, |a| a.compare(stored, response))
    }
}
