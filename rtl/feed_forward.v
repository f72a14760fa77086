// The end of a compression (FIPS 180-4, 6.2.2, step 4): the state before it is added, and the digest registered.
module feed_forward #(
    parameter ADDER = 0
) (
    input clk,
    input [255:0] state, variables,
    output [255:0] digest
);
    genvar i;
    generate
        for (i = 0; i < 8; i = i + 1) begin : word
            wire [31:0] total;
            reduce #(.N(2), .ADDER(ADDER)) sum_digest (.words({state[32*i +: 32], variables[32*i +: 32]}), .result(total));
            register hold (.clk(clk), .d(total), .q(digest[32*i +: 32]));
        end
    endgenerate
endmodule
