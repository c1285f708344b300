//! The clients of one loop, each in a numbered place.

use super::client::Client;

/// Places, taken and free.
#[derive(Default)]
pub(super) struct Clients<'p> {
    places: Vec<Option<Client<'p>>>,
    free: Vec<usize>,
}

impl<'p> Clients<'p> {
    pub(super) fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }

    pub(super) fn insert(&mut self, client: Client<'p>) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[place] = Some(client);
        place
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Client<'p>> {
        self.places.get_mut(place)?.as_mut()
    }

    pub(super) fn remove(&mut self, place: usize) -> Option<Client<'p>> {
        let client = self.places.get_mut(place)?.take()?;
        self.free.push(place);
        Some(client)
    }

    /// The taken places.
    pub(super) fn taken(&self) -> Vec<usize> {
        let taken = self.places.iter().enumerate().filter(|(_, client)| client.is_some());
        taken.map(|(place, _)| place).collect()
    }
}
