// SPDX-License-Identifier: MIT
// The first script of the page, before its text: the stream is asked for while the rest is still read. main.ts takes
// over what has come by then.
import { openStream } from "./open_stream";

window.salestideStream = openStream();
