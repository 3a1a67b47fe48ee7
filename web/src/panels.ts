// SPDX-License-Identifier: MIT
// The table of panels. One more is one more row here and one file with its render function.
import type { Panel } from "./page";
import { alerts } from "./panels/alerts";
import { feed } from "./panels/feed";
import { headline } from "./panels/headline";
import { map } from "./panels/map";
import { matrix } from "./panels/matrix";
import { pipeline } from "./panels/pipeline";
import { products } from "./panels/products";
import { share } from "./panels/share";
import { time } from "./panels/time";

export const panels: readonly Panel[] = [
    { name: "headline", row: "figures", create: headline },
    { name: "time", row: "over", create: time },
    { name: "share", row: "over", create: share },
    { name: "map", row: "over", create: map },
    { name: "matrix", row: "detail", create: matrix },
    { name: "products", row: "detail", create: products },
    { name: "feed", row: "detail", create: feed, ticks: true },
    { name: "alerts", row: "foot", create: alerts, ticks: true },
    { name: "pipeline", row: "foot", create: pipeline, ticks: true },
];
