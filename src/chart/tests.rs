use proptest::prelude::*;
use tiny_skia::Pixmap;

use super::*;

fn layer(name: &str, color: Color, shape: Shape) -> Layer {
    Layer { name: name.to_owned(), color, shape }
}

fn chart(x: Axis, layers: Vec<Layer>) -> Chart {
    let panel = Panel { title: "a panel".to_owned(), range: None, weight: 1.0, layers };
    Chart { title: "a title".to_owned(), subtitle: String::new(), x, panels: vec![panel] }
}

fn picture(chart: &Chart, width: u32, height: u32) -> Pixmap {
    Pixmap::decode_png(&chart.png(width, height).expect("drawn")).expect("a PNG")
}

/// The pixels of just this colour.
fn places(picture: &Pixmap, Color(red, green, blue): Color) -> Vec<(u32, u32)> {
    let width = picture.width();
    let pixels = picture.pixels().iter().enumerate();
    pixels
        .filter(|(_, p)| (p.red(), p.green(), p.blue()) == (red, green, blue))
        .map(|(i, _)| (i as u32 % width, i as u32 / width))
        .collect()
}

const BLUE: Color = Color::SERIES[0];
const GREEN: Color = Color::SERIES[1];

/// One point of a hundred thousand, on a picture of a thousand columns.
#[test]
fn a_spike_of_one_sample_reaches_the_top() {
    let value = |i: usize| if i == 70_000 { 10.0 } else { (i % 7) as f64 / 7.0 };
    let points = (0..100_000).map(|i| (i as f64, Some(value(i)))).collect();
    let drawn =
        chart(Axis::Number("sample".to_owned()), vec![layer("", BLUE, Shape::Line(points))]);
    let picture = picture(&drawn, 1000, 400);
    assert_eq!((picture.width(), picture.height()), (1000, 400));
    let blue = places(&picture, BLUE);
    let top = blue.iter().map(|p| p.1).min().expect("a line");
    let tip: Vec<u32> = blue.iter().filter(|p| p.1 < top + 60).map(|p| p.0).collect();
    let (first, last) = (blue.iter().map(|p| p.0).min(), blue.iter().map(|p| p.0).max());
    let (first, last) = (first.expect("a line"), last.expect("a line"));
    let expected = first + (last - first) * 7 / 10;
    assert!(
        !tip.is_empty() && tip.iter().all(|x| x.abs_diff(expected) < 5),
        "{expected}: {:?}",
        tip.first()
    );
}

#[test]
fn every_shape_leaves_its_colour_where_it_belongs() {
    let names = Axis::Names(["a", "b", "c"].map(str::to_owned).to_vec());
    let bars = |values: [f64; 3]| Shape::Bars((0..).map(f64::from).zip(values).collect());
    let both = chart(
        names,
        vec![layer("", BLUE, bars([1.0, 2.0, 3.0])), layer("", GREEN, bars([3.0, 2.0, 1.0]))],
    );
    let both = picture(&both, 600, 400);
    let (blue, green) = (places(&both, BLUE), places(&both, GREEN));
    let in_third = |p: &&(u32, u32), third: u32| p.0.saturating_sub(100) / 150 == third;
    let count = |places: &[(u32, u32)], third| places.iter().filter(|p| in_third(p, third)).count();
    assert!(count(&blue, 2) > 2 * count(&blue, 0), "{} {}", count(&blue, 0), count(&blue, 2));
    assert!(count(&green, 0) > 2 * count(&green, 2));

    let scatter = chart(
        Axis::Number("x".to_owned()),
        vec![
            layer("dots", BLUE, Shape::Dots(vec![(0.0, 0.0), (10.0, 1.0)])),
            layer("limit", GREEN, Shape::Dashed(vec![(0.0, Some(0.5)), (10.0, Some(0.5))])),
            layer("events", Color::ALARM, Shape::Events(vec![5.0])),
        ],
    );
    let picture = picture(&scatter, 600, 400);
    let red = places(&picture, Color::ALARM);
    assert!(red.iter().any(|p| p.0 > 250 && p.0 < 350), "the mark of the event");
    let widest = places(&picture, GREEN);
    let span = widest.iter().map(|p| p.0).max().zip(widest.iter().map(|p| p.0).min());
    assert!(span.is_some_and(|(right, left)| right - left > 450), "{span:?}");
}

#[test]
fn a_size_that_holds_nothing_is_refused() {
    let empty = chart(Axis::Time, Vec::new());
    let error = empty.png(200, 20_000).expect_err("too narrow").to_string();
    assert_eq!(
        error,
        "cannot draw 1 panels on 200 x 20000 pixels: expected at least 480 x 352 and at most 10000 \
         either way"
    );
    assert!(empty.png(480, 352).is_ok());
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), -1e3f64..1e3, Just(0.0)]
}

fn shape() -> impl Strategy<Value = Shape> {
    let pairs = || proptest::collection::vec((number(), number()), 0..20);
    prop_oneof![
        proptest::collection::vec((number(), proptest::option::of(number())), 0..20)
            .prop_map(Shape::Line),
        pairs().prop_map(Shape::Dots),
        pairs().prop_map(Shape::Bars),
        pairs().prop_map(Shape::Bands),
        proptest::collection::vec((number(), proptest::option::of(number())), 0..20)
            .prop_map(Shape::Dashed),
        proptest::collection::vec(number(), 0..9).prop_map(Shape::Events),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the numbers and the texts are.
    #[test]
    fn anything_can_be_drawn(
        shapes in proptest::collection::vec((".{0,40}", shape()), 0..5),
        axis in 0..3,
        title in ".{0,200}",
    ) {
        let axis = match axis {
            0 => Axis::Time,
            1 => Axis::Number(title.clone()),
            _ => Axis::Names(vec![title.clone(); 3]),
        };
        let layers = shapes.into_iter().map(|(name, shape)| layer(&name, BLUE, shape)).collect();
        let drawn = Chart { title, ..chart(axis, layers) };
        picture(&drawn, 500, 360);
    }
}
