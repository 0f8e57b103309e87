//! A recorded use, played before every policy that sizes a limit, by the functions that decide.
//!
//! * [`Setting`]: the use, what is sized, the protocol; the same for all.
//! * [`Player`]: a policy behind its guard, a limit that stays, or the best one in hindsight.
//! * [`play`]: moves the limit as the scaler moves it: `policy::propose`, `guard::decide`, and the change
//!   is confirmed. [`Figures`]: the scores.

mod plant;
mod play;
mod player;
pub mod report;
mod score;
mod setting;
#[cfg(test)]
mod tests;

pub use plant::Moment;
pub use play::{Run, play, play_all};
pub use player::{Chooser, Player};
pub use score::{Figures, Score};
pub use setting::Setting;
