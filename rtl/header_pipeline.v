// Double SHA-256 of block headers, one nonce and MIDSTATES hashes a clock cycle, with the shortcuts of mining:
//
// - What the nonce does not reach is computed outside, once per job: the midstate, rounds 0 to 3 of the first hash but
//   for one addition (start), K[t] + W[t] of rounds 4 to 17 and parts of the words up to W[33] (known).
// - Message words that are padding are constants, for which synthesis leaves neither registers nor adders.
// - Only e after round 60 of the second hash decides word 7, the last of the digest. Rounds 57 to 60 make no new a
//   and W[61] to W[63] are not made: nothing takes them, so synthesis drops them.
//
// Several midstates, one for each version of the header, share the schedule of the first hash: this is AsicBoost.
//
// nonce       message word 3 of the header's second chunk: the nonce with its bytes reversed
// start       for each midstate, the working variables after rounds 0 to 3 with a nonce of 0
// known       K[t] + W[t] for t = 4 to 17, then for t = 18 to 33 the part of W[t] without the nonce; t = 4 leftmost
// filter      bits of word 7 that a candidate has at 0
module header_pipeline #(
    parameter MIDSTATES = 1, ADDER = 0
) (
    input clk,
    input [31:0] nonce, filter,
    input [256*MIDSTATES-1:0] midstate, start,
    input [959:0] known,
    output [32*MIDSTATES-1:0] word7,
    output [MIDSTATES-1:0] candidate
);
    `include "constants.vh"

    // First hash: the nonce is W[3], W[4] to W[15] are padding, W[16] and W[17] are the job's.
    localparam [79:0] LIVE_1 = (80'h1 << 3) | ((80'h1 << 64) - (80'h1 << 18));
    localparam [79:0] KNOWN_1 = 80'h3c1dc0000;  // 18 to 20, 22 to 24, 30 to 33: in the other words padding adds up to 0
    localparam [63:0] WHOLE_1 = 64'h3fff0;  // 4 to 17

    // Second hash: W[0] to W[7] are the first digest, then come W[8] = 2^31, zeros and W[15] = 256.
    localparam [79:0] LIVE_2 = ~80'hff00;
    localparam [79:0] KNOWN_2 = (80'h1 << 17) | (80'h1 << 22) | (80'h1 << 23) | (80'h1 << 24) | (80'h1 << 30)
        | (80'h1 << 31);
    localparam [63:0] WHOLE_2 = 64'hff00;
    localparam [2047:0] KNOWN_WORDS_2 = {
        {8{32'b0}},
        K[2047-32*8 -: 32] + 32'h80000000, K[2047-32*9 -: 192], K[2047-32*15 -: 32] + 32'd256,
        32'b0, 32'h00a00000, {4{32'b0}}, 32'd256, 32'h11002000, 32'h80000000, {5{32'b0}},  // 17: s1(W15), 23: s0(W8)
        32'h00400022, 32'd256, {32{32'b0}}                                                 // 30: s0(W15)
    };
    localparam [255:0] START_2 = {32'hfc08884d, H0[255:160], 32'h98c7e2a2, H0[127:32]};  // after round 0 with W[0] = 0

    wire [2047:0] known_1 = {128'b0, known, 960'b0};
    wire [31:0] nonce_held;
    register hold_nonce (.clk(clk), .d(nonce), .q(nonce_held));
    wire [2047:0] words_1;
    expander #(.START(2), .LAST(63), .LIVE(LIVE_1), .KNOWN(KNOWN_1), .ADDER(ADDER)) expander_1 (
        .clk(clk), .window({32'b0, nonce_held, 448'b0}), .known(known_1), .words(words_1)
    );

    genvar m;
    generate
        for (m = 0; m < MIDSTATES; m = m + 1) begin : lane
            wire [255:0] final_1, digest, final_2;
            rounds #(.FIRST(4), .LAST(63), .FIXED_START(1), .WHOLE(WHOLE_1), .ADDER(ADDER)) rounds_1 (
                .clk(clk), .start(start[256*m +: 256]), .words(words_1), .known(known_1), .final(final_1)
            );
            feed_forward #(.ADDER(ADDER)) feed_forward (
                .clk(clk), .state(midstate[256*m +: 256]), .variables(final_1), .digest(digest)
            );

            wire [2047:0] words_2;
            expander #(.START(0), .LAST(60), .LIVE(LIVE_2), .KNOWN(KNOWN_2), .ADDER(ADDER)) expander_2 (
                .clk(clk), .window({digest, 256'b0}), .known(KNOWN_WORDS_2), .words(words_2)
            );
            rounds #(
                .FIRST(1), .LAST(60), .FIXED_START(1), .WHOLE(WHOLE_2), .LAST_EXTRA(H0[31:0]), .ADDER(ADDER)
            ) rounds_2 (
                .clk(clk), .start(START_2), .words(words_2), .known(KNOWN_WORDS_2), .final(final_2)
            );
            assign word7[32*m +: 32] = final_2[127 -: 32];
            assign candidate[m] = (word7[32*m +: 32] & filter) == 32'b0;
        end
    endgenerate
endmodule
