// The agent of web.mjs on Node's own WebSocket: node node.mjs URL
import { obey } from "./web.mjs";

await obey(process.argv[2]);
