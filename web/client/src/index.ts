// The package's door: everything that a page may import.
export { closeCodes, type Reconnects } from './closing.js';
export { connect, type Connection, type ConnectOptions } from './connect.js';
export { isNewer } from './frame.js';
export { ReconnectingWebSocket, type ReconnectingWebSocketOptions } from './reconnecting-websocket.js';
export { defaultTimes } from './times.js';
export type {
	BatchProgress, BatchStatus, ConnectionState, CvProgress, CvStatus, End, Events, Frame, State, Status, Times, Transport, WebSocketClass,
	WebSocketLike,
} from './types.js';
