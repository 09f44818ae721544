// The package's door: everything that a page may import.
export { closeCodes, type Reconnects } from './closing.js';
export { connect, type Connection, type ConnectOptions, type Events, type State } from './connect.js';
export { isNewer } from './frame.js';
export { ReconnectingWebSocket, type ReconnectingWebSocketOptions } from './reconnecting-websocket.js';
export { defaultTimes } from './times.js';
export type {
	BatchProgress, BatchStatus, ConnectionState, CvProgress, CvStatus, End, Frame, Times, Transport, WebSocketClass, WebSocketLike,
} from './types.js';
