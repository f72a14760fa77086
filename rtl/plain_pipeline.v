// Double SHA-256 of block headers without any shortcut: two general compressions of 64 rounds with all sixteen words
// in registers. Padding and initial state come in through ports, so that synthesis cannot fold them.
//
// tail               the first three words of the header's second chunk: end of the merkle root, time, nbits
// nonce              its fourth word: the nonce with its bytes reversed
// padding_1, _2      what fills up the block of the first (12 words) and of the second hash (8 words)
// initial            SHA-256's initial state
module plain_pipeline #(
    parameter MIDSTATES = 1, ADDER = 0
) (
    input clk,
    input [95:0] tail,
    input [31:0] nonce,
    input [383:0] padding_1,
    input [255:0] padding_2, initial_state,
    input [256*MIDSTATES-1:0] midstate,
    output [256*MIDSTATES-1:0] digest
);
    wire [511:0] block_1;
    wire [2047:0] words_1;
    register #(.BITS(512)) hold_block (.clk(clk), .d({tail, nonce, padding_1}), .q(block_1));
    expander #(.ADDER(ADDER)) expander_1 (.clk(clk), .window(block_1), .known(2048'b0), .words(words_1));

    genvar m;
    generate
        for (m = 0; m < MIDSTATES; m = m + 1) begin : lane
            wire [255:0] final_1, digest_1, final_2;
            wire [2047:0] words_2;
            rounds #(.ADDER(ADDER)) rounds_1 (
                .clk(clk), .start(midstate[256*m +: 256]), .words(words_1), .known(2048'b0), .final(final_1)
            );
            feed_forward #(.ADDER(ADDER)) feed_forward_1 (
                .clk(clk), .state(midstate[256*m +: 256]), .variables(final_1), .digest(digest_1)
            );
            expander #(.ADDER(ADDER)) expander_2 (
                .clk(clk), .window({digest_1, padding_2}), .known(2048'b0), .words(words_2)
            );
            rounds #(.ADDER(ADDER)) rounds_2 (
                .clk(clk), .start(initial_state), .words(words_2), .known(2048'b0), .final(final_2)
            );
            feed_forward #(.ADDER(ADDER)) feed_forward_2 (
                .clk(clk), .state(initial_state), .variables(final_2), .digest(digest[256*m +: 256])
            );
        end
    endgenerate
endmodule
