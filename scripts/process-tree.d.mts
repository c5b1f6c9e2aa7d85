export declare function processTree(processId: number): Map<number, number>;
export declare function isAlive(processId: number): boolean;
