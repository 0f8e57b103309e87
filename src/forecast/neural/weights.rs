//! The weights of a network, by name: drawn from a seed, or as they were saved.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Error, Result, Shape, Tensor, Var};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// All weights of one network. Clones share them.
#[derive(Clone, Debug)]
pub struct Weights(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    vars: BTreeMap<String, Var>,
    /// What is not there yet is drawn from here; saved weights are all there.
    rng: Option<ChaCha8Rng>,
}

/// Weights as they are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved(Vec<Layer>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Layer {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Weights {
    /// Weights that are drawn when a network is built with them. The library's own way to draw cannot be
    /// given a seed.
    pub fn seeded(seed: u64) -> Self {
        let rng = Some(ChaCha8Rng::seed_from_u64(seed));
        Self(Arc::new(Mutex::new(Inner { vars: BTreeMap::new(), rng })))
    }

    /// The weights that were saved.
    pub fn saved(saved: &Saved) -> Result<Self> {
        let mut vars = BTreeMap::new();
        for layer in &saved.0 {
            let tensor = layer.tensor()?;
            vars.insert(layer.name.clone(), Var::from_tensor(&tensor)?);
        }
        Ok(Self(Arc::new(Mutex::new(Inner { vars, rng: None }))))
    }

    /// What layers are built with.
    pub fn builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu)
    }

    /// The weights that training moves, in the order of their names.
    pub fn vars(&self) -> Vec<Var> {
        self.lock().vars.values().cloned().collect()
    }

    /// The weights as they are now.
    pub fn save(&self) -> Result<Saved> {
        let layers = self
            .lock()
            .vars
            .iter()
            .map(|(name, var)| {
                let values = var.flatten_all()?.to_vec1()?;
                Ok(Layer { name: name.clone(), shape: var.dims().to_vec(), values })
            })
            .collect::<Result<_>>();
        layers.map(Saved)
    }

    /// Goes back to the weights that were saved of this network.
    pub fn restore(&self, saved: &Saved) -> Result<()> {
        let inner = self.lock();
        for layer in &saved.0 {
            if let Some(var) = inner.vars.get(&layer.name) {
                var.set(&layer.tensor()?)?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Layer {
    fn tensor(&self) -> Result<Tensor> {
        Tensor::from_slice(&self.values, self.shape.as_slice(), &Device::Cpu)
    }
}

impl SimpleBackend for Weights {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        _: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let mut inner = self.lock();
        if let Some(var) = inner.vars.get(name) {
            if *var.shape() != shape {
                return Err(Error::Msg(format!(
                    "{name} has the shape {:?}, not {shape:?}",
                    var.shape()
                )));
            }
            return Ok(var.as_tensor().clone());
        }
        let Some(rng) = &mut inner.rng else {
            return Err(Error::CannotFindTensor { path: name.to_owned() });
        };
        let (low, high) = bounds(init, &shape);
        let values: Vec<f32> = (0..shape.elem_count())
            .map(|_| if low < high { rng.random_range(low..high) } else { low })
            .collect();
        let var = Var::from_tensor(&Tensor::from_vec(values, shape, device)?)?;
        inner.vars.insert(name.to_owned(), var.clone());
        Ok(var.as_tensor().clone())
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        let var = self.lock().vars.get(name).cloned();
        var.map(|var| var.as_tensor().clone())
            .ok_or_else(|| Error::CannotFindTensor { path: name.to_owned() })
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().vars.contains_key(name)
    }
}

/// Between which numbers a weight is drawn: as wide as the rule that the layer asks for would spread it.
fn bounds(init: Init, shape: &Shape) -> (f32, f32) {
    let (low, high) = match init {
        Init::Const(value) => (value, value),
        Init::Uniform { lo, up } => (lo, up),
        Init::Randn { mean, stdev } => {
            let half = 3f64.sqrt() * stdev;
            (mean - half, mean + half)
        }
        Init::Kaiming { fan, non_linearity, .. } => {
            let deviation = non_linearity.gain() / (fan.for_shape(shape).max(1) as f64).sqrt();
            let half = 3f64.sqrt() * deviation;
            (-half, half)
        }
    };
    (low as f32, high as f32)
}
