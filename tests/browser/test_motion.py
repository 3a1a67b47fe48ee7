# SPDX-License-Identifier: MIT
"""What moves on the page: digits roll in without changing their width, what is new is lit for a moment; and nothing
moves where the system asks for calm."""

from live_page import SOON_MS, midday_zone, of_all, order, post, wait_for_figure, wait_for_text

# Each kind of movement that is seen, by name; looked for in every frame.
WATCH = """
window.moved = new Set();
(function look() {
    for (const one of document.getAnimations()) {
        moved.add(one.animationName ?? one.transitionProperty ?? "roll");
    }
    requestAnimationFrame(look);
})();
const animate = Element.prototype.animate;
Element.prototype.animate = function (...all) {
    moved.add("roll");
    return animate.apply(this, all);
};
addEventListener("animationstart", event => moved.add(event.animationName), true);
addEventListener("transitionrun", event => moved.add(event.propertyName), true);
"""

# Digits stop in the middle of rolling, for as long as the test looks.
HOLD = """
window.rolls = [];
const animate = Element.prototype.animate;
Element.prototype.animate = function (frames, options) {
    const roll = animate.call(this, frames, options);
    roll.pause();
    roll.currentTime = options.duration / 2;
    window.rolls.push(roll);
    return roll;
};
"""


def figure(page, name):
    """Its box, and where each of its characters begins and ends: in pixels."""
    return page.evaluate(
        """name => {
            const value = document.querySelector(`[data-figure=${name}]`);
            const texts = document.createTreeWalker(value, NodeFilter.SHOW_TEXT);
            const places = [];
            while (texts.nextNode()) {
                for (let i = 0; i < texts.currentNode.length; i++) {
                    const range = document.createRange();
                    range.setStart(texts.currentNode, i);
                    range.setEnd(texts.currentNode, i + 1);
                    const { left, right } = range.getBoundingClientRect();
                    places.push(left, right);
                }
            }
            const { left, top, right, bottom } = value.getBoundingClientRect();
            return [left, top, right, bottom, ...places];
        }""",
        name,
    )


def stand_still(page):
    """For three times as long as a roll takes: what changes all the time does not roll, so that it can be read."""
    page.wait_for_function("start => performance.now() > start + 800", arg=page.evaluate("performance.now()"))


def differ(places, others):
    return len(places) != len(others) or any(abs(a - b) > 0.3 for a, b in zip(places, others, strict=True))


def test_digits_roll_and_keep_their_width(server, open_page):
    one = server("--timezone", midday_zone())
    page = open_page(one, reduced_motion="no-preference", first_script=HOLD)
    post(one, order(1, total="1111.11"))
    wait_for_figure(page, "revenue", "$1,111.11")
    narrow = figure(page, "revenue")
    page.evaluate("rolls.splice(0)")
    stand_still(page)
    post(one, order(2, total="6928.97"))
    wait_for_figure(page, "revenue", "$8,040.08")
    page.wait_for_function("() => document.querySelector('[data-figure=revenue] .rolling') !== null", timeout=SOON_MS)
    assert page.text_content("[data-figure=revenue] .rolling") == "8,040.08", "what stays stands still"
    in_motion = page.evaluate("rolls.map(roll => [roll.playState, getComputedStyle(roll.effect.target).transform !== 'none'])")
    assert ["paused", True] in in_motion, "in the middle of it"
    assert not differ(figure(page, "revenue"), narrow), "eights are as wide as ones, while they roll"
    page.evaluate("rolls.forEach(roll => roll.finish())")
    assert not differ(figure(page, "revenue"), narrow), "and when they have"
    widths = of_all(page, "[data-figure], .compared, .plot text, .matrix td, .products b, .feed .amount",
                                       "all => all.map(e => getComputedStyle(e).fontVariantNumeric)")  # fmt: skip
    assert set(widths) == {"tabular-nums"}


def change_all(page, server):
    """All that may move: figures, the map, the table, the feed, the head."""
    post(server, order(1, total="10.00"))
    wait_for_figure(page, "revenue", "$10.00")
    stand_still(page)
    post(server, order(2, total="5.00", state="CA", source="TWITTER"))
    wait_for_figure(page, "revenue", "$15.00")
    wait_for_text(page, "[data-panel=map] small", "an order just now: CA")
    post(server, order(1, event="refunded", event_id="r", total="1.00"))
    wait_for_figure(page, "refunds", "$1.00")
    page.click("[data-panel=feed] .id")
    page.wait_for_selector("#order[open] tbody tr")
    page.keyboard.press("Escape")
    page.select_option("#filter-source", "=TWITTER")
    wait_for_figure(page, "revenue", "$5.00")
    page.focus("[data-panel=time] .chart")
    page.keyboard.press("End")
    page.wait_for_selector(".tip", state="visible")
    server.kill()
    page.wait_for_selector("#connection[data-state=reconnecting]")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return set(page.evaluate("[...moved]"))


def test_nothing_moves_where_calm_is_asked_for(server, open_page):
    moving = server("--timezone", midday_zone())
    page = open_page(moving, reduced_motion="no-preference", first_script=WATCH, disconnects=True)
    assert change_all(page, moving) == {"roll", "arrive", "flash", "blink", "fill", "background-color"}, "else"
    calm = server("--timezone", midday_zone(), data=moving.directory / "calm")
    page = open_page(calm, first_script=WATCH, disconnects=True)
    assert change_all(page, calm) == set()
