//! Passwords against their bcrypt hashes: slow on purpose, so what was right is remembered, and only a
//! few are tried at once.

use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use bcrypt::HashParts;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::settings::Judge;

/// Costs that bcrypt knows. Each step doubles the time.
const COSTS: std::ops::RangeInclusive<u32> = 4..=31;
/// From here on a login takes seconds.
const SLOW_COST: u32 = 16;
/// How many right passwords are remembered.
const REMEMBERED: usize = 256;
/// How many passwords may wait to be tried. Remembered ones never wait.
const WAITING: usize = 64;

type Fingerprint = [u8; 32];

/// Judges `basic_auth_users`.
pub(super) fn judge(users: &BTreeMap<String, String>, judge: &mut Judge) {
    for (user, hash) in users {
        let key = format!("basic_auth_users.{user}");
        match HashParts::from_str(hash).map(|parts| parts.get_cost()) {
            Ok(cost) if !COSTS.contains(&cost) => {
                let (low, high) = (COSTS.start(), COSTS.end());
                judge.refuse(&key, format!("expected a cost from {low} to {high}, found {cost}"));
            }
            Ok(cost) if cost >= SLOW_COST => {
                judge.warn(&key, format!("a cost of {cost} takes seconds for each new login"));
            }
            Ok(_) => {}
            // Not the hash itself: a password may stand in its place.
            Err(_) => {
                judge.refuse(&key, "expected a bcrypt hash such as `htpasswd -nBC 10 USER` gives")
            }
        }
        if user.contains(':') {
            judge.warn(&key, "a name with a colon cannot be sent: nobody will log in by it");
        }
    }
}

/// Tries passwords.
pub(super) struct Passwords {
    /// Of this process alone: what is remembered says nothing to anyone else.
    salt: [u8; 32],
    right: Mutex<HashSet<Fingerprint>>,
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

/// Too many passwords are being tried.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Passwords {
    /// # Errors
    /// Where the system has no random numbers.
    pub fn new() -> Result<Self, String> {
        let mut salt = [0; 32];
        let random = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut salt).map_err(|_| "the system gives no random numbers".to_owned())?;
        // Wrong passwords must not eat the cores that the others need.
        let at_once = available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 4));
        Ok(Self {
            salt,
            right: Mutex::default(),
            running: Arc::new(Semaphore::new(at_once)),
            waiting: Semaphore::new(WAITING),
        })
    }

    /// Whether `user` is one of `users` and has this password. An unknown user takes as long as a
    /// wrong password, so that nobody learns names by the clock.
    ///
    /// # Errors
    /// Where too many others wait.
    pub async fn check(
        &self,
        users: &BTreeMap<String, String>,
        user: &[u8],
        password: &[u8],
    ) -> Result<bool, Busy> {
        let known = std::str::from_utf8(user).ok().and_then(|user| users.get(user));
        let fingerprint = known.map(|hash| self.fingerprint(&[user, hash.as_bytes(), password]));
        if fingerprint.is_some_and(|f| self.is_remembered(&f)) {
            return Ok(true);
        }
        let Some(hash) = known.or_else(|| self.any(users, user)).cloned() else {
            return Ok(false);
        };
        let place = self.waiting.try_acquire().map_err(|_| Busy)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        drop(place);
        if fingerprint.is_some_and(|f| self.is_remembered(&f)) {
            return Ok(true);
        }
        let password = password.to_owned();
        let tried = spawn_blocking(move || {
            // A request that is given up does not stop the work: the permit goes when it is done.
            let _permit = permit;
            bcrypt::verify(password, &hash).unwrap_or(false)
        });
        match (tried.await, fingerprint) {
            (Ok(true), Some(fingerprint)) => {
                self.remember(fingerprint);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The hash of some user, always the same for one name: an unknown name then takes the time of a
    /// known one, even where costs differ.
    fn any<'a>(&self, users: &'a BTreeMap<String, String>, user: &[u8]) -> Option<&'a String> {
        let [first, second, ..] = self.fingerprint(&[user]);
        let number = usize::from(u16::from_be_bytes([first, second]));
        users.values().nth(number % users.len().max(1))
    }

    fn fingerprint(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut digest = Sha256::new_with_prefix(self.salt);
        for part in parts {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    fn is_remembered(&self, fingerprint: &Fingerprint) -> bool {
        self.right.lock().unwrap_or_else(PoisonError::into_inner).contains(fingerprint)
    }

    fn remember(&self, fingerprint: Fingerprint) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        // Only right passwords come here, so this happens where hashes change a lot.
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(fingerprint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        let hash = |password: &str| bcrypt::hash(password, 4).expect("hashed");
        list.iter().map(|(user, password)| ((*user).to_owned(), hash(password))).collect()
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_is_right() {
        let users = users(&[("ann", "a"), ("bob", "b")]);
        let passwords = Passwords::new().expect("random numbers");
        for (user, password, right) in [
            ("ann", "a", true),
            ("ann", "a", true),
            ("ann", "b", false),
            ("bob", "b", true),
            ("bob", "", false),
            ("", "", false),
            ("eve", "a", false),
            ("eve", "b", false),
        ] {
            let answer = passwords.check(&users, user.as_bytes(), password.as_bytes()).await;
            assert_eq!(answer, Ok(right), "{user}:{password}");
        }
        assert_eq!(passwords.check(&users, b"\xff", b"a").await, Ok(false));
        assert_eq!(passwords.right.lock().expect("never poisoned").len(), 2);
    }

    #[tokio::test]
    async fn a_new_hash_forgets_the_old_password() {
        let passwords = Passwords::new().expect("random numbers");
        assert_eq!(passwords.check(&users(&[("ann", "old")]), b"ann", b"old").await, Ok(true));
        assert_eq!(passwords.check(&users(&[("ann", "new")]), b"ann", b"old").await, Ok(false));
    }

    #[tokio::test]
    async fn right_passwords_pass_while_wrong_ones_wait() {
        let users = users(&[("ann", "a")]);
        let passwords = Passwords::new().expect("random numbers");
        assert_eq!(passwords.check(&users, b"ann", b"a").await, Ok(true));
        let _all =
            passwords.running.acquire_many(passwords.running.available_permits() as u32).await;
        let _queue = passwords.waiting.acquire_many(WAITING as u32).await;
        assert_eq!(passwords.check(&users, b"ann", b"a").await, Ok(true));
        assert_eq!(passwords.check(&users, b"ann", b"b").await, Err(Busy));
        assert_eq!(passwords.check(&users, b"eve", b"b").await, Err(Busy));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let passwords = Passwords::new().expect("random numbers");
        for number in 0..3 * REMEMBERED {
            passwords.remember(passwords.fingerprint(&[&number.to_be_bytes()]));
        }
        assert!(passwords.right.lock().expect("never poisoned").len() <= REMEMBERED);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let passwords = Passwords::new().expect("random numbers");
        assert_ne!(passwords.fingerprint(&[b"ab", b"c"]), passwords.fingerprint(&[b"a", b"bc"]));
        let other = Passwords::new().expect("random numbers");
        assert_ne!(passwords.fingerprint(&[b"a"]), other.fingerprint(&[b"a"]));
    }
}
